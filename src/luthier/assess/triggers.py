"""The signs for and against tuning that the articles list, each with whether it is there."""

from collections.abc import Iterator

from luthier.assess.config import AssessConfig
from luthier.assess.findings import Findings
from luthier.domain.decisions import Advice, FailureKind, Trigger
from luthier.domain.measure import Measurement
from luthier.domain.verdicts import Verdict

MANY_CALLS_PER_DAY = 100_000


def triggers_of(found: Findings, config: AssessConfig) -> tuple[Trigger, ...]:
    """Every sign, those that hold and those that do not."""
    return (*_for_tuning(found, config), *_against_tuning(found, config))


def percent(figure: Measurement) -> str:
    """A share as people read it, with its count and interval."""
    return f"{figure.hits} of {figure.n} rows ({figure.value:.0%}, {figure.low:.0%} to {figure.high:.0%})"


def _for_tuning(found: Findings, config: AssessConfig) -> Iterator[Trigger]:
    yield _failing(found, "format_lock", "format", "answers break the format")
    yield _failing(found, "tool_call_reliability", "tool_name", "answers call the wrong tool")
    yield _failing(found, "values_not_copied", "wrong_argument", "a value that stands in the question is not copied")
    yield _failing(found, "domain_wording_fumbled", "reasoning", "wording is taken for the wrong choice")
    yield _failing(found, "domain_jargon_fumbled", "jargon", "terms of the field are missing or replaced")
    yield _failing(found, "off_tone", "tone", "answers break the style sheet")
    yield _failing(found, "facts_misread", "wrong_fact", "a fact that was shown is told otherwise")
    yield _long_prompt(found)
    calls = config.calls_per_day
    yield Trigger(
        name="high_volume",
        speaks_for="tune",
        holds=None if calls is None else calls >= MANY_CALLS_PER_DAY,
        reason="`calls_per_day` is not stated" if calls is None else f"{calls:,} calls a day are expected",
    )
    yield Trigger(
        name="offline",
        speaks_for="tune",
        holds=config.must_run_offline,
        reason="the data may not leave our machines" if config.must_run_offline else "a hosted model is allowed",
    )
    yield Trigger(
        name="feeds_another_system",
        speaks_for="tune",
        holds=bool(found.evidence.tools),
        reason="answers are calls that a system takes" if found.evidence.tools else "answers are read by people",
    )


def _failing(found: Findings, name: str, kind: FailureKind, what: str) -> Trigger:
    group = found.remaining.group(kind) if found.remaining else None
    return Trigger(
        name=name,
        speaks_for="tune",
        holds=bool(group and group.is_systematic),
        reason=f"{what} on {percent(group.share)}" if group else f"no row shows that {what}",
    )


def _long_prompt(found: Findings) -> Trigger:
    """A prompt that is longer than the task it explains and still fails."""
    baseline = found.prompting
    if baseline is None or not baseline.report.cases:
        return Trigger(name="long_prompt", speaks_for="tune", holds=None, reason="no prompt was measured")
    prompt = len(baseline.variant.prompt)
    asked = sum(len(case.asked) for case in baseline.report.cases) / len(baseline.report.cases)
    return Trigger(
        name="long_prompt",
        speaks_for="tune",
        holds=prompt > asked and found.has_behaviour_gap,
        reason=f"the prompt has {prompt} characters and the average question {asked:.0f}",
    )


def _against_tuning(found: Findings, config: AssessConfig) -> Iterator[Trigger]:
    rows = len(found.evidence.training)
    yield Trigger(
        name="facts_change_fast",
        speaks_for="retrieve",
        holds=config.facts_change in {"daily", "real_time"},
        reason=f"facts in answers change: {config.facts_change.replace('_', ' ')}",
    )
    yield Trigger(
        name="too_few_rows",
        speaks_for="not_enough_evidence",
        holds=rows < config.min_training_rows,
        reason=f"{rows} clean training rows, at least {config.min_training_rows} are needed",
    )
    yield Trigger(
        name="no_labels",
        speaks_for="stop",
        holds=rows < config.min_training_rows and not config.can_label_more,
        reason="more rows can be labelled" if config.can_label_more else "nobody can label more rows",
    )
    yield Trigger(
        name="training_forbidden",
        speaks_for="stop",
        holds=not config.training_allowed,
        reason="training on the data is allowed" if config.training_allowed else "we may not train on the data",
    )
    tried = sum(baseline.kind in {"prompt", "few_shot"} for baseline in found.evidence.baselines)
    yield Trigger(
        name="prompt_not_optimised",
        speaks_for="prompt",
        holds=tried < 2,
        reason=f"ways of prompting measured: {tried}; at least two, such as with and without examples, are asked",
    )
    yield _suffices("prompt_suffices", "prompt", found.prompt_verdict)
    yield _suffices("retrieval_suffices", "retrieve", found.rag_verdict)


def _suffices(name: str, speaks_for: Advice, verdict: Verdict | None) -> Trigger:
    if verdict is None:
        return Trigger(name=name, speaks_for=speaks_for, holds=None, reason="no baseline measures a KPI of the charter")
    holds = verdict.outcome == "pass"
    return Trigger(name=name, speaks_for=speaks_for, holds=holds, reason="; ".join(verdict.reasons))
