"""One look at the served interactions: drift, quality, and the failed cases that people should see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from luthier.domain.interactions import Feedback, Finding, Interaction
from luthier.domain.measure import Measurement
from luthier.domain.routes import BUCKETS, bucket_of
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.monitor.config import MonitorConfig
from luthier.monitor.drift import DriftTest, length_drift, text_drift, vocabulary_shift
from luthier.monitor.quality import degradation

VERSION = 2


class FailedCase(Value):
    """A served question whose answer failed, waiting for people to say what is right."""

    interaction_id: str
    asked: str
    answered: str | None
    why: str


class Health(Value):
    """What one look found; findings are empty when nothing moved."""

    interactions: int
    tests: tuple[DriftTest, ...]
    new_words: float | None
    quality: Verdict | None
    findings: tuple[Finding, ...]
    failed: tuple[FailedCase, ...]
    sampled: tuple[str, ...] = Field(default=(), description="Ids of interactions drawn for people to score.")


@dataclass(frozen=True)
class Before:
    """What served traffic is held against: `solved` as it was served before, and the gold rows of the release."""

    solved: Measurement | None = None
    gold: Measurement | None = None


def run(
    config: MonitorConfig,
    reference: Sequence[str],
    before: Before,
    interactions: Sequence[Interaction],
    feedback: Mapping[str, Feedback],
    *,
    now: datetime,
    seed: int,
) -> Health:
    """The health of the given interactions against the training questions and what the release solved before."""
    served = [item.asked for item in interactions if item.asked]
    failed, solved = failed_cases(interactions, feedback), solved_share(interactions, feedback)
    sampled = tuple(item.id for item in interactions if _is_drawn(item, config.sample_rate, seed))
    quality = _held_against(before.solved, solved, config)
    findings = [*_quality_findings(quality, now), *_gap_findings(_held_against(before.gold, solved, config), now)]
    if len(served) < config.min_interactions:
        few = Finding(
            kind="too_few",
            severity="info",
            summary=f"{len(served)} interactions of the {config.min_interactions} that a drift check needs",
            evidence={"interactions": float(len(served))},
            at=now,
        )
        return Health(
            interactions=len(interactions), tests=(), new_words=None, quality=quality, findings=(few, *findings),
            failed=failed, sampled=sampled,
        )  # fmt: skip
    tests = (text_drift(reference, served, seed=seed), length_drift(reference, served))
    findings = [*_drift_findings(config, tests, now), *findings]
    new_words = vocabulary_shift(reference, served)
    return Health(
        interactions=len(interactions),
        tests=tests,
        new_words=new_words,
        quality=quality,
        findings=tuple(findings),
        failed=failed,
        sampled=sampled,
    )


def failed_cases(interactions: Sequence[Interaction], feedback: Mapping[str, Feedback]) -> tuple[FailedCase, ...]:
    """Every interaction that a guard, the engine or a person calls failed, with the reason."""
    cases = []
    for item in interactions:
        why = _why_failed(item, feedback.get(item.id))
        if why and item.asked:
            cases.append(FailedCase(interaction_id=item.id, asked=item.asked, answered=item.answered, why=why))
    return tuple(cases)


def _why_failed(item: Interaction, said: Feedback | None) -> str | None:
    if item.error is not None:
        return "no answer"
    broken = sorted(name for name, passed in item.guards.items() if not passed)
    if broken:
        return f"guard {broken[0]} failed"
    if said is not None and said.kind == "solved" and not said.value:
        return "reported as not solved"
    return None


def solved_share(interactions: Sequence[Interaction], feedback: Mapping[str, Feedback]) -> Measurement | None:
    """The share solved of those that people or systems judged; None where nobody did."""
    judged = [feedback[item.id] for item in interactions if item.id in feedback and feedback[item.id].kind == "solved"]
    if not judged:
        return None
    return Measurement.of_proportion("solved", sum(bool(said.value) for said in judged), n=len(judged))


def _is_drawn(item: Interaction, rate: float, seed: int) -> bool:
    """The same for the same interaction whenever one looks, so that a second look draws no second sample."""
    return bucket_of(item.id, f"sample:{seed}") < rate * BUCKETS


def _held_against(before: Measurement | None, now: Measurement | None, config: MonitorConfig) -> Verdict | None:
    if before is None or now is None:
        return None
    return degradation(before, now, line=config.degradation, alpha=config.false_alarm_rate)


def _drift_findings(config: MonitorConfig, tests: Sequence[DriftTest], now: datetime) -> list[Finding]:
    line = config.false_alarm_rate / len(tests)
    return [
        Finding(
            kind="input_drift",
            severity="alarm",
            summary=f"served questions differ from the training questions in {test.feature} (p = {test.p_value:.4f})",
            evidence={"statistic": test.statistic, "p_value": test.p_value, "n_served": float(test.n_served)},
            at=now,
        )
        for test in tests
        if test.p_value < line
    ]


def _quality_findings(quality: Verdict | None, now: datetime) -> list[Finding]:
    if quality is None or quality.outcome != "fail":
        return []
    return [Finding(kind="quality_drop", severity="alarm", summary=quality.reasons[0], evidence={}, at=now)]


def _gap_findings(gap: Verdict | None, now: datetime) -> list[Finding]:
    """Good on the gold rows and worse where it serves: overfitting, or gold rows unlike what is asked."""
    if gap is None or gap.outcome != "fail":
        return []
    summary = f"better on the gold rows than people find it in service, by two different measures: {gap.reasons[0]}"
    return [Finding(kind="offline_online_gap", severity="warning", summary=summary, evidence={}, at=now)]
