"""A tuned variant with its evidence, made up for the tests of this stage."""

from datetime import UTC, datetime

from luthier.domain.answers import Answer
from luthier.domain.compare import PairedDifference
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.releases import GateDecision, Release
from luthier.domain.reports import Case, Comparison, Report
from luthier.domain.variants import ModelRef, Variant
from luthier.domain.verdicts import Threshold, Verdict, judge
from luthier.release.types import Evidence

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TUNED = Variant(name="tuned", model=ModelRef(engine="local", id="bundled", weights="w"), prompt="p", adapter="a")
PROMPT = Variant(name="prompt", model=ModelRef(engine="local", id="bundled"), prompt="p")


def report(variant: Variant = TUNED, *, n: int = 500, invalid: int = 8, benchmark: str = "task_accuracy") -> Report:
    """A report with that many invalid calls, judged by article 001's line."""
    cases = tuple(
        Case(example_id=f"g:{k}", strata={}, asked="?", ideal="!", answer=Answer(text="!"), scores={}) for k in range(n)
    )
    figure = Measurement.of_proportion("invalid_call", invalid, n=n)
    return Report(
        variant=variant.name, variant_digest=variant.digest, benchmark=benchmark, gold="g",
        overall={"invalid_call": figure},
        strata={"kind=create": {"invalid_call": figure}}, missing_strata=("kind=delete",),
        warnings=("a | warning",),
        verdicts={"invalid_call": judge(figure, Threshold.parse("<= 3%"))}, cases=cases, seconds=1, cost=Money(),
    )  # fmt: skip


def difference(
    other: str = "prompt", gain: float = 0.1, half: float = 0.05, *, metric: str = "exact_match", p: float = 0.001,
    wants_high: bool = True,
) -> PairedDifference:  # fmt: skip
    """The tuned variant against another: this much more, give or take half."""
    return PairedDifference(
        metric=metric, variant="tuned", other=other, difference=gain, low=gain - half, high=gain + half, n=500,
        better=60, worse=10, p_value=p, p_holm=p, wants_high=wants_high,
    )  # fmt: skip


def evidence(*differences: PairedDifference, **changed: object) -> Evidence:
    """Evidence that passes, unless something is changed."""
    found = Comparison(variant="tuned", benchmark="task_accuracy", differences=differences or (difference(),))
    told = Evidence(
        variant=TUNED, reports=(report(),), comparison=found, best_baseline="prompt",
        intact={"gold": True, "snapshot": True, "base_weights": True},
    )  # fmt: skip
    return told.model_copy(update=changed)


def gate(outcome: str = "pass", variant: Variant = TUNED) -> GateDecision:
    """A decision with one reason."""
    verdict = Verdict.model_validate({"outcome": outcome, "reasons": ("because",)})
    return GateDecision(
        variant=variant.name, variant_digest=variant.digest, verdict=verdict, checks={"beats:rag": verdict}
    )


def release(decision: GateDecision | None = None, *, author: str = "ann", variant: Variant = TUNED) -> Release:
    """A release of the tuned variant by Ann."""
    return Release(
        id="r-1", version=1, project="crm-updates", variant=variant, gate=decision or gate(),
        lineage={"adapter": "a" * 64}, author=author, created_at=NOW,
    )  # fmt: skip
