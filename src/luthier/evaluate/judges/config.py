"""The `evaluation.judges` section: who judges, by what words, and on whose labels they are examined."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from luthier.domain.verdicts import Threshold
from luthier.errors import UserError
from luthier.section import Section

Kind = Literal["rubric", "pairwise"]


class LicenceConfig(Section):
    """What a judge must show on people's labels before its figures may decide anything."""

    agreement: float = Field(
        default=0.4,
        gt=0,
        lt=1,
        description="Cohen's kappa with people that the lower bound must reach: 0.4 is where agreement beyond chance "
        "is commonly called more than fair.",
    )
    unreadable: float = Field(default=0.05, gt=0, lt=1, description="Share of labels that may be no readable verdict.")
    minimum_rows: int = Field(default=100, ge=10, le=100_000, description="Labelled items that are asked for.")
    people: tuple[str, ...] = Field(
        default=(), max_length=50, description="Whose labels count, by their names in the file; all where empty."
    )
    author: str | None = Field(
        default=None,
        min_length=1,
        description="How the labels' `authors` call the judge's own model: it is then set against preferring itself.",
    )


class JudgeConfig(Section):
    """A model that judges answers, and what it is asked."""

    model: str = Field(min_length=1, description="A name under `models`.")
    kind: Kind = Field(default="rubric", description="`rubric` marks one answer, `pairwise` picks the better of two.")
    criteria: str = Field(min_length=10, description="What makes an answer good, in the words the judge is given.")
    scale: str = Field(default="1-5", pattern=r"^\d{1,2}\s*-\s*\d{1,3}$", description="Marks of a rubric.")
    with_reference: bool = Field(
        default=True, description="Whether the judge sees the ideal answer where there is one."
    )
    samples: int = Field(default=1, ge=1, le=25, description="Verdicts drawn per question; a pair is asked both ways.")
    temperature: float = Field(default=0.0, ge=0, le=2, description="Of the judge; several samples need more than 0.")
    max_tokens: int = Field(default=256, ge=1, le=8192, description="Of a verdict with its reason.")
    seed: int = Field(default=0, ge=0, lt=1 << 31, description="Of sampled verdicts, and of the intervals.")
    labels: str | None = Field(
        default=None, min_length=1, description="File of answers that people judged, for the licence."
    )
    licence: LicenceConfig = LicenceConfig()
    benchmark: str | None = Field(default=None, min_length=1, description="Whose answers are judged; None: the first.")
    against: str | None = Field(default=None, min_length=1, description="Pairwise: the variant to be better than.")
    threshold: str | None = Field(
        default=None,
        description="Line for the mean mark, or for the share of pairs won (a tie is half), such as `>= 0.5`; with it "
        "a licensed judge gates.",
    )

    @field_validator("threshold")
    @classmethod
    def _threshold_is_one(cls, line: str | None) -> str | None:
        try:
            return str(Threshold.parse(line)) if line is not None else None
        except UserError as fault:
            raise ValueError(f"{fault.message}; {fault.hint}") from fault

    @model_validator(mode="after")
    def _marks_rise(self) -> Self:
        low, high = self.marks
        if low >= high:
            raise ValueError(f"`scale` {self.scale!r} has no two marks; write the lowest first, such as 1-5")
        return self

    @model_validator(mode="after")
    def _nothing_is_read_and_ignored(self) -> Self:
        if self.samples > 1 and not self.temperature:
            raise ValueError("several `samples` at temperature 0 are one answer paid for several times; raise it")
        if self.kind == "rubric" and self.against is not None:
            raise ValueError("`against` goes with `kind: pairwise`; a rubric marks one answer by itself")
        if self.kind == "pairwise" and "scale" in self.model_fields_set:
            raise ValueError("`scale` goes with `kind: rubric`; a pair has no marks")
        if self.kind == "pairwise" and self.threshold is not None and self.against is None:
            raise ValueError("a pairwise `threshold` needs `against`, the variant to be better than")
        return self

    @property
    def marks(self) -> tuple[int, int]:
        """The lowest and the highest mark."""
        low, high = re.split(r"\s*-\s*", self.scale)
        return int(low), int(high)

    @property
    def line(self) -> Threshold | None:
        """The line its figure must keep to; None: it informs only."""
        return Threshold.parse(self.threshold) if self.threshold is not None else None
