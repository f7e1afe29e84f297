"""Advice before data exists: the articles' signs as people expect them, and what to try first.

It never says to tune: that takes baselines that were run (`verdict.py`). It says what will probably be left to tune
for, and what would rule it out.
"""

from collections.abc import Iterator
from typing import NamedTuple

from luthier.assess.config import AssessConfig, ExpectsConfig
from luthier.assess.triggers import MANY_CALLS_PER_DAY
from luthier.domain.decisions import Advice, Provisional, Trigger


class _Sign(NamedTuple):
    field: str
    speaks_for: Advice
    yes: str
    source: str


_STATED = (
    _Sign("fixed_format", "tune", "answers must always have one structure or style", "articles 001, 002, 003"),
    _Sign("own_tone", "tune", "answers must sound like us", "articles 001, 003"),
    _Sign("jargon", "tune", "the wording of the field is misunderstood", "articles 001, 002"),
    _Sign("tool_calls", "tune", "answers feed another system, which takes or refuses them", "articles 001, 003"),
    _Sign("long_prompt", "tune", "the prompt would be longer than the task", "article 003"),
    _Sign("small_model", "tune", "a smaller model must do the work", "articles 002, 003"),
    _Sign("changing_facts", "retrieve", "answers rest on facts that move", "articles 001, 003, 004"),
)


def advise(project: str, config: AssessConfig) -> Provisional:
    """What to try first and where it probably leads, with every sign and what nobody has answered."""
    triggers = tuple(_triggers(config))
    held = [trigger for trigger in triggers if trigger.holds]
    barred = [trigger for trigger in held if trigger.speaks_for == "stop"]
    behaves = any(trigger.speaks_for == "tune" for trigger in held)
    looks_up = any(trigger.speaks_for == "retrieve" for trigger in held)
    leads_to = _leads_to(behaves=behaves and not barred, looks_up=looks_up, barred=bool(barred), config=config)
    return Provisional(
        project=project,
        first=_first(leads_to, config.expects),
        leads_to=leads_to,
        reasons=tuple(f"{trigger.reason} ({trigger.source})" for trigger in held) or ("no sign was stated to hold",),
        triggers=triggers,
        unanswered=tuple(_unanswered(config)),
    )


def _leads_to(*, behaves: bool, looks_up: bool, barred: bool, config: AssessConfig) -> Advice:
    if config.expert_could_answer == "yes":  # an expert shown the same would be right: nothing is left to teach
        behaves = False
    if behaves:
        return "tune_and_retrieve" if looks_up else "tune"
    if looks_up:
        return "retrieve"
    is_answered = any(value is not None for _, value in config.expects)
    return "prompt" if barred or is_answered or config.expert_could_answer == "yes" else "not_enough_evidence"


def _first(leads_to: Advice, expects: ExpectsConfig) -> Advice:
    """The first step of prompt, retrieve, tune that was not taken yet; tuning itself needs measured baselines."""
    if not expects.prompt_tried:
        return "prompt"
    if leads_to in {"retrieve", "tune", "tune_and_retrieve"} and not expects.retrieval_tried:
        return "retrieve"
    return "prompt" if leads_to == "prompt" else "not_enough_evidence"


def _triggers(config: AssessConfig) -> Iterator[Trigger]:
    stated = dict(config.expects)
    for sign in _STATED:
        yield _trigger(sign.field, sign.speaks_for, stated[sign.field], sign.yes, sign.source)
    calls, rows = config.calls_per_day, config.expects.clean_rows
    many = None if calls is None else calls >= MANY_CALLS_PER_DAY
    yield _trigger("high_volume", "tune", many, f"{calls:,} calls a day" if calls else "many calls", "article 002")
    yield _trigger("offline", "tune", config.must_run_offline, "the data may not leave our machines", "article 002")
    is_expert_no = None if config.expert_could_answer == "unknown" else config.expert_could_answer == "no"
    yield _trigger(
        "expert_test", "tune", is_expert_no, "an expert shown the same would need special training", "article 004"
    )
    fast = config.facts_change in {"daily", "real_time"}
    yield _trigger("facts_change_fast", "retrieve", fast, f"facts change: {config.facts_change}", "articles 001, 003")
    few = None if rows is None else rows < config.min_training_rows
    too_few = few if few is None else few and not config.can_label_more
    yield _trigger("too_few_rows", "stop", too_few, f"{rows} clean rows and nobody to label more", "articles 001, 003")
    yield _trigger("training_forbidden", "stop", not config.training_allowed, "we may not train on it", "article 001")
    untried = None if config.expects.prompt_tried is None else not config.expects.prompt_tried
    yield _trigger("prompt_not_optimised", "prompt", untried, "no prompt was measured and improved", "article 003")


def _trigger(name: str, speaks_for: Advice, holds: bool | None, reason: str, source: str) -> Trigger:
    said = reason if holds else "nobody has said" if holds is None else f"not so: {reason}"
    return Trigger(name=name, speaks_for=speaks_for, holds=holds, reason=said, source=source)


def _unanswered(config: AssessConfig) -> Iterator[str]:
    yield from (f"assess.expects.{name}" for name, value in config.expects if value is None)
    if config.calls_per_day is None:
        yield "assess.calls_per_day"
    if config.expert_could_answer == "unknown":
        yield "assess.expert_could_answer"
