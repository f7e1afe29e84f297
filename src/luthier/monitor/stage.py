"""One look at the served interactions: drift, quality, and the failed cases that people should see."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from luthier.domain.interactions import Feedback, Finding, Interaction
from luthier.domain.measure import Measurement
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.monitor.config import MonitorConfig
from luthier.monitor.drift import DriftTest, length_drift, text_drift, vocabulary_shift
from luthier.monitor.quality import degradation

VERSION = 1


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


def run(
    config: MonitorConfig,
    reference: Sequence[str],
    expected: Measurement | None,
    interactions: Sequence[Interaction],
    feedback: Mapping[str, Feedback],
    *,
    now: datetime,
    seed: int,
) -> Health:
    """The health of the given interactions against the training questions and the expected share solved."""
    served = [item.asked for item in interactions if item.asked]
    failed = failed_cases(interactions, feedback)
    if len(served) < config.min_interactions:
        few = Finding(
            kind="too_few",
            severity="info",
            summary=f"{len(served)} interactions of the {config.min_interactions} that a drift check needs",
            evidence={"interactions": float(len(served))},
            at=now,
        )
        return Health(
            interactions=len(interactions), tests=(), new_words=None, quality=None, findings=(few,), failed=failed
        )
    tests = (text_drift(reference, served, seed=seed), length_drift(reference, served))
    quality = _quality(config, expected, interactions, feedback)
    findings = [*_drift_findings(config, tests, now), *_quality_findings(quality, now)]
    new_words = vocabulary_shift(reference, served)
    return Health(
        interactions=len(interactions),
        tests=tests,
        new_words=new_words,
        quality=quality,
        findings=tuple(findings),
        failed=failed,
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


def _quality(
    config: MonitorConfig,
    expected: Measurement | None,
    interactions: Sequence[Interaction],
    feedback: Mapping[str, Feedback],
) -> Verdict | None:
    judged = [feedback[item.id] for item in interactions if item.id in feedback and feedback[item.id].kind == "solved"]
    if expected is None or not judged:
        return None
    solved = Measurement.of_proportion("solved", sum(bool(said.value) for said in judged), n=len(judged))
    return degradation(expected, solved, line=config.degradation, alpha=config.false_alarm_rate)


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
