"""What an evaluation found: cases, figures per stratum, and comparisons."""

from collections.abc import Mapping

from pydantic import Field

from luthier.domain.answers import Answer
from luthier.domain.compare import PairedDifference
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict

TURN_MARK = "#turn-"
"""Stands in a case's id between the row's and the number of an earlier turn of its conversation."""


def row_of(case_id: str) -> str:
    """The id of the row that a case was made of."""
    return case_id.rpartition(TURN_MARK)[0] or case_id


class Recipe(Value):
    """How a metric's figure is made; `version` rises when the same answers would score otherwise."""

    metric: str
    says: str
    source: str = ""
    wants_high: bool = True
    version: int = 1


class Case(Value):
    """One gold row as one variant answered it, with a score per metric that applies to it."""

    example_id: str
    strata: Mapping[str, str]
    asked: str
    ideal: str
    answer: Answer
    scores: Mapping[str, float] = Field(description="1.0 and 0.0 for yes-no metrics.")
    fault: str | None = Field(default=None, description="Why the answer is no valid call, where it is none.")
    group: str | None = Field(default=None, description="What it shares with other rows: a customer, a conversation.")
    repeats: tuple[str | None, ...] = Field(default=(), description="Further answers to the same question.")


class Report(Value):
    """One variant on one benchmark: figures with their doubt, overall and per stratum."""

    variant: str
    variant_digest: str
    benchmark: str
    gold: str
    overall: Mapping[str, Measurement]
    strata: Mapping[str, Mapping[str, Measurement]] = Field(description="`task_type=create` -> metric -> figure.")
    missing_strata: tuple[str, ...] = Field(default=(), description="Strata asked for that hold no row.")
    thin_strata: Mapping[str, int] = Field(default_factory=dict, description="Strata with few rows, and how many.")
    came_back: Mapping[str, int] = Field(
        default_factory=dict, description="Rows by what came back: answer, cut, refusal, empty, timeout, error."
    )
    recipes: tuple[Recipe, ...] = Field(default=(), description="How each metric was made.")
    warnings: tuple[str, ...] = ()
    verdicts: Mapping[str, Verdict] = Field(default_factory=dict, description="Per thresholded metric.")
    cases: tuple[Case, ...]
    seconds: float = Field(ge=0)
    cost: Money


class Comparison(Value):
    """One variant against others on the same benchmark, row by row."""

    variant: str
    benchmark: str
    differences: tuple[PairedDifference, ...]
