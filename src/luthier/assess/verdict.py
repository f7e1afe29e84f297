"""Prompt, retrieve, tune, both, or stop: rules in a fixed order, each with its reasons."""

from collections.abc import Callable
from datetime import datetime

from luthier.assess.config import AssessConfig, CharterConfig
from luthier.assess.facts import facts_in_targets
from luthier.assess.findings import Findings, unmeasured_kpis
from luthier.assess.triggers import percent, triggers_of
from luthier.assess.types import Evidence
from luthier.domain.decisions import Advice, AdviceOverride, Decision, ExpertTest
from luthier.domain.measure import Measurement
from luthier.domain.value import Value
from luthier.errors import UserError


class Opinion(Value):
    """What one rule says, when it says anything."""

    advice: Advice
    reasons: tuple[str, ...]
    missing: tuple[str, ...] = ()


READINGS = {
    "yes": "an expert shown the same would be right, so prompting or retrieval should do unless the model is too small",
    "no": "even an expert shown the same would need special training, and that is what tuning gives",
    "unknown": "nobody has answered it; show experts what the model was shown and set `assess.expert_could_answer`",
}

Rule = Callable[[Findings], Opinion | None]


def decide(charter: CharterConfig, config: AssessConfig, evidence: Evidence) -> Decision:
    """The advice of the first rule that has one; the order is prompt, then retrieve, then tune."""
    found = Findings(charter, config, evidence)
    opinion = next(opinion for rule in RULES if (opinion := rule(found)))
    return Decision(
        project=evidence.project,
        advice=opinion.advice,
        reasons=opinion.reasons,
        missing=opinion.missing,
        failures=found.tables,
        triggers=triggers_of(found, config),
        expert_test=_expert_test(found),
        warnings=tuple(_warnings(found)),
        reports={baseline.variant.name: baseline.report.digest for baseline in evidence.baselines},
        training_rows=len(evidence.training),
    )


def overrule(decision: Decision, advice: Advice, *, by: str, reason: str, now: datetime) -> Decision:
    """The same decision with a person's own advice on top; what was found stays as it was."""
    if not by.strip() or len(reason.strip()) < 10:
        raise UserError("an override needs a name and a reason of ten characters or more", hint="say who and why")
    if advice == decision.effective:
        raise UserError(f"the decision already says {advice!r}", hint="override with another advice, or leave it")
    override = AdviceOverride(advice=advice, by=by.strip(), reason=reason.strip(), at=now)
    return decision.model_copy(update={"override": override})


def _prompt_is_measured(found: Findings) -> Opinion | None:
    if found.prompting is not None:
        return None
    return Opinion(
        advice="not_enough_evidence",
        reasons=("no prompt was measured, and prompting comes before retrieval and tuning",),
        missing=("a report of a variant with a prompt and without retrieval or adapter",),
    )


def _enough_rows_asked(found: Findings) -> Opinion | None:
    asked, needed = found.rows_asked(), found.config.min_rows_asked
    if asked >= needed:
        return None
    return Opinion(
        advice="not_enough_evidence",
        reasons=(f"{asked} rows were asked, and fewer than {needed} decide nothing",),
        missing=(f"{needed - asked} more benchmark rows",),
    )


def _prompt_suffices(found: Findings) -> Opinion | None:
    verdict = found.prompt_verdict
    if found.prompting is None or verdict is None or verdict.outcome != "pass":
        return None
    name = found.prompting.variant.name
    return Opinion(advice="prompt", reasons=(f"variant {name!r} already keeps to every measured KPI", *verdict.reasons))


def _retrieval_suffices(found: Findings) -> Opinion | None:
    verdict = found.rag_verdict
    if found.retrieving is None or verdict is None or verdict.outcome != "pass":
        return None
    name = found.retrieving.variant.name
    return Opinion(
        advice="retrieve", reasons=(f"variant {name!r} already keeps to every measured KPI", *verdict.reasons)
    )


def _nothing_systematic(found: Findings) -> Opinion | None:
    if found.behaviour_gaps or found.knowledge_gap:
        return None
    line = found.config.systematic_share
    unclear = [group for table in found.tables for group in table.groups if group.share.high > line]
    if unclear and all(group.share.low <= line for group in unclear):
        return Opinion(
            advice="not_enough_evidence",
            reasons=(f"no way to fail surely exceeds {line:.0%} of the rows, and some may",),
            missing=("more benchmark rows, to tell scattered failures from systematic ones",),
        )
    return Opinion(
        advice="prompt",
        reasons=(f"what some prompt fails at, another solves: no gap above {line:.0%} of the rows is left to all",),
    )


def _knowledge_only(found: Findings) -> Opinion | None:
    if found.knowledge_gap is None or found.behaviour_gaps:
        return None
    return Opinion(advice="retrieve", reasons=_knowledge_reasons(found), missing=_missing_retrieval(found))


def _tuning_is_barred(found: Findings) -> Opinion | None:
    """Contracts or law forbid training, or nobody can label: only retrieval is left, or nothing."""
    rows, config = len(found.evidence.training), found.config
    barriers = [] if config.training_allowed else ["we may not train on this data"]
    if rows < config.min_training_rows and not config.can_label_more:
        barriers.append(f"{rows} clean rows are under {config.min_training_rows}, and nobody can label more")
    if not barriers:
        return None
    advice: Advice = "retrieve" if found.knowledge_gap else "stop"
    return Opinion(advice=advice, reasons=(*barriers, *_behaviour_reasons(found), *_knowledge_reasons(found)))


def _tuning_is_too_early(found: Findings) -> Opinion | None:
    """The steps before tuning were not taken, or there is too little to learn from."""
    rows, needed, missing = len(found.evidence.training), found.config.min_training_rows, list[str]()
    if rows < needed:
        missing.append(f"{needed - rows} more clean training rows; {rows} are too few to tune on")
    if not found.has_behaviour_gap:
        missing.append("ideal answers for the failing rows; without them the failures are not labelable")
    missing += _missing_retrieval(found)
    if not missing:
        return None
    gap = found.knowledge_gap is not None
    reasons = (*_behaviour_reasons(found), *_knowledge_reasons(found), "tuning now would be too early")
    return Opinion(advice="retrieve" if gap else "not_enough_evidence", reasons=reasons, missing=tuple(missing))


def _tune(found: Findings) -> Opinion:
    if found.knowledge_gap is None:
        return Opinion(advice="tune", reasons=_behaviour_reasons(found))
    return Opinion(advice="tune_and_retrieve", reasons=(*_behaviour_reasons(found), *_knowledge_reasons(found)))


RULES: tuple[Rule, ...] = (
    _prompt_is_measured,
    _enough_rows_asked,
    _prompt_suffices,
    _retrieval_suffices,
    _nothing_systematic,
    _knowledge_only,
    _tuning_is_barred,
    _tuning_is_too_early,
    _tune,
)


def _behaviour_reasons(found: Findings) -> tuple[str, ...]:
    variant = found.remaining.variant if found.remaining else ""
    return tuple(
        f"behaviour gap: {group.kind} on {percent(group.share)} of {variant!r}, the best behaved baseline"
        for group in found.behaviour_gaps
    )


def _knowledge_reasons(found: Findings) -> tuple[str, ...]:
    gap = found.knowledge_gap
    if gap is None or found.prompting is None:
        return ()
    name = found.prompting.variant.name
    reasons = [f"knowledge gap: missing_fact on {percent(gap.share)} of {name!r}; such facts must be looked up"]
    if held := found.held_by_knowledge_base:
        reasons.append(f"the knowledge base holds the facts of {percent(held)}")
    if solved := found.solved_by_retrieval:
        reasons.append(f"retrieval supplied the fact on {percent(solved)}")
    return tuple(reasons)


def _missing_retrieval(found: Findings) -> tuple[str, ...]:
    return () if found.retrieving else ("a report of a variant with retrieval; it comes before tuning",)


def _expert_test(found: Findings) -> ExpertTest:
    """Article 004's test: what a person said of it, beside what the failed rows show."""
    answer = found.config.expert_could_answer
    return ExpertTest(answer=answer, answerable=_answerable(found), reading=READINGS[answer])


def _answerable(found: Findings) -> Measurement | None:
    if found.prompting is None:
        return None
    kinds = found.kinds[found.prompting.variant.name]
    if not kinds:
        return None
    answerable = sum("missing_fact" not in ways for ways in kinds.values())
    return Measurement.of_proportion("answerable_from_context", answerable, n=len(kinds))


def _warnings(found: Findings) -> list[str]:
    warnings = [
        f"KPI {name!r} is in no report; only production can tell whether it moves"
        for name in unmeasured_kpis(found.charter, found.evidence.baselines)
    ]
    facts = facts_in_targets(found.evidence.training)
    if facts and facts.share.hits:
        warnings.append(
            f"{percent(facts.share)} of the training targets carry a fact that their question does not hold: "
            "show it by retrieval while training too, or the model learns it by heart"
        )
    warnings += _concentrated(found)
    if boxes := (found.charter.readiness.open_boxes if found.charter.readiness else ()):
        warnings.append(f"readiness boxes still open, which postpones tuning: {', '.join(boxes)}")
    return warnings


def _concentrated(found: Findings) -> list[str]:
    """Kinds that are rare in all and systematic in one stratum: averaged away, and seen by somebody every day."""
    line = found.config.systematic_share
    return [
        f"{group.kind} of {table.variant!r} lies in {place.stratum}: {percent(place.inside)} there, "
        f"{percent(place.outside)} elsewhere; over all rows it is not systematic"
        for table in ((found.remaining,) if found.remaining else ())
        for group in table.groups
        if not group.is_systematic
        for place in group.strata
        if place.inside.low > line
    ]
