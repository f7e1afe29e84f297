"""A frozen data set: the manifest that lineage and signatures hold."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from luthier.domain.examples import Example
from luthier.domain.value import Value

Split = Literal["train", "validation", "test"]


class RowRef(Value):
    """One row of a snapshot by salted digest; the body can be erased without breaking the chain."""

    id: str
    split: Split
    row_digest: str = Field(description="SHA-256 of salt + canonical JSON of the row.")


class Manifest(Value):
    """What a snapshot holds, what was left out and why; rows in = rows kept + rows dropped."""

    project: str
    rows: tuple[RowRef, ...]
    rows_in: int = Field(ge=0)
    dropped: Mapping[str, int] = Field(description="Rows left out, by reason.")
    masked: Mapping[str, int] = Field(description="PII spans masked, by entity.")
    filters: Mapping[str, str] = Field(description="The settings that chose the rows.")
    sources: Mapping[str, str] = Field(description="Digest of each source file.")
    gold: str = Field(description="Digest of the gold set, which is the test split.")
    parents: tuple[str, ...] = ()


class GoldSet(Value):
    """The frozen benchmark; its digest changes with every byte of it."""

    examples: tuple[Example, ...] = Field(min_length=1)
