"""What an evaluation found: cases, figures per stratum, and comparisons."""

from collections.abc import Mapping

from pydantic import Field

from luthier.domain.answers import Answer
from luthier.domain.compare import PairedDifference
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict


class Case(Value):
    """One gold row as one variant answered it, with a score per metric."""

    example_id: str
    strata: Mapping[str, str]
    asked: str
    ideal: str
    answer: Answer
    scores: Mapping[str, float] = Field(description="1.0 and 0.0 for yes-no metrics.")
    fault: str | None = Field(default=None, description="Why the answer is no valid call, where it is none.")


class Report(Value):
    """One variant on one benchmark: figures with their doubt, overall and per stratum."""

    variant: str
    variant_digest: str
    benchmark: str
    gold: str
    overall: Mapping[str, Measurement]
    strata: Mapping[str, Mapping[str, Measurement]] = Field(description="`task_type=create` -> metric -> figure.")
    missing_strata: tuple[str, ...] = Field(default=(), description="Strata asked for that hold no row.")
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
