"""A frozen data set: the manifest that lineage and signatures hold, and where the rows lie."""

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import Field

from luthier.domain.examples import Example
from luthier.domain.value import Value

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Holds = Literal["answers", "preferences"]
HOLDS: tuple[Holds, ...] = get_args(Holds)


class Manifest(Value):
    """What a snapshot holds, what was left out and why; rows in = rows kept + preferences kept + rows dropped."""

    project: str
    splits: Mapping[Split, int] = Field(description="Rows of each split, each with an ideal answer.")
    preferences: Mapping[Split, int] = Field(default={}, description="Preferences beside them, of each split.")
    rows: str = Field(
        description="SHA-256 of the row list, a Parquet file of id, split, subject (a salted key) and row_digest, "
        "which is SHA-256 of salt + canonical JSON of the row: bodies can be erased without breaking the chain."
    )
    rows_in: int = Field(ge=0)
    dropped: Mapping[str, int] = Field(description="Rows left out, by reason.")
    masked: Mapping[str, int] = Field(description="PII spans masked, by entity.")
    filters: Mapping[str, str] = Field(description="The settings that chose the rows.")
    sources: Mapping[str, str] = Field(description="Digest of each source file.")
    gold: str = Field(description="Digest of the gold set, which is the test split.")
    parents: tuple[str, ...] = ()


class Part(Value):
    """One Parquet file of rows of one split."""

    split: Split
    holds: Holds = "answers"
    name: str = Field(description="Its path in a folder that `datasets.load_dataset` opens.")
    file_digest: str
    rows: int = Field(ge=1)


class Bodies(Value):
    """Where the rows of a snapshot lie; apart from the manifest, so that bodies can be erased and written anew."""

    snapshot: str
    parts: tuple[Part, ...]

    def of(self, split: Split, holds: Holds = "answers") -> tuple[Part, ...]:
        """The parts of one split that hold ideal answers, or preferences; in order."""
        return tuple(part for part in self.parts if (part.split, part.holds) == (split, holds))


class GoldSet(Value):
    """The frozen benchmark; its digest changes with every byte of it."""

    examples: tuple[Example, ...] = Field(min_length=1)
