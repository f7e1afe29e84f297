"""Contradictions that wait for a person, and what people decided about them."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from luthier.domain.value import Value

Keep = Literal["first", "second", "both", "none"]

OPEN_CONTRADICTIONS = "contradictions.jsonl"
"""The list that a refused build leaves among its work files."""


class OpenContradiction(Value):
    """Two rows that cannot both be right as far as anybody has said, as a person reads them."""

    first: str
    second: str
    reason: str
    digests: tuple[str, str] = Field(description="The rows' salted digests: what a decision is about.")
    asked: tuple[str, str]
    answered: tuple[str, str]


class Resolution(Value):
    """What a person decided about two rows as they read then; a row that is edited afterwards is another row."""

    first: str = Field(description="Salted digest of a row.")
    second: str
    keep: Keep
    by: str = Field(min_length=1)
    reason: str = Field(min_length=1)

    @property
    def dropped(self) -> tuple[str, ...]:
        """The digests of the rows to leave out."""
        gone: Mapping[Keep, tuple[str, ...]] = {
            "first": (self.second,),
            "second": (self.first,),
            "both": (),
            "none": (self.first, self.second),
        }
        return gone[self.keep]

    @property
    def pair(self) -> frozenset[str]:
        """Both digests."""
        return frozenset({self.first, self.second})


def latest(resolutions: Sequence[Resolution]) -> list[Resolution]:
    """Of several decisions about one pair the last."""
    return list({each.pair: each for each in resolutions}.values())
