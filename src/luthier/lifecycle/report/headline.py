"""The verdict in one sentence, before everything else: what was gained, what the gate said, who is served."""

from luthier.lifecycle.report.facts import Facts, RolloutFacts
from luthier.lifecycle.report.words import ADVICE, outcome, points


def headline(facts: Facts) -> str:
    """One sentence that a reader in a hurry can act on; it says what is missing rather than guess."""
    parts = [part for part in (_measured(facts), _gated(facts), _served(facts)) if part]
    if parts:
        return "; ".join(parts) + "."
    if facts.decision:
        return f"The advice is to {ADVICE[facts.decision.effective]}; no tuned variant was measured yet."
    return "Nothing was measured yet."


def tone(facts: Facts) -> str:
    """`pass`, `fail` or `open`: the gate's word on the candidate, or open while there is none."""
    gate = next((each for each in facts.gates if each.name == facts.candidate), None)
    if gate is None or gate.decision.verdict.outcome == "not_enough_evidence":
        return "open"
    return gate.decision.verdict.outcome


def _measured(facts: Facts) -> str:
    variant = facts.variant(facts.candidate)
    found = variant.overall.get(facts.primary_metric) if variant else None
    if variant is None or found is None:
        return ""
    said = (
        f"{variant.name} reaches {found.value:.1%} {facts.primary_metric} on {found.n:,} gold rows"
        f" (95% interval {found.low:.1%} to {found.high:.1%})"
    )
    pair = facts.difference(variant.name, facts.best_baseline, facts.primary_metric)
    if pair is None:
        return said
    gain, low, high = pair.gain
    return f"{said}, {points(gain)} against the best baseline {pair.other} ({points(low)} to {points(high)})"


def _gated(facts: Facts) -> str:
    gate = next((each for each in facts.gates if each.name == facts.candidate), None)
    if gate is None:
        return "the gate has not judged it yet" if facts.candidate else ""
    word = outcome(gate.decision.verdict.outcome)
    override = gate.decision.override
    return f"the gate says {word}" + (f", overridden by {override.by}" if override else "")


def _served(facts: Facts) -> str:
    if not facts.traffic:
        return ""
    now = facts.traffic[-1]
    names = {release.id: release.variant for release in facts.releases}
    shares = [f"{release} ({names.get(release, '?')}) answers {percent:g}%" for release, percent in now.percent.items()]
    killed = " while the kill switch is pulled" if now.killed else ""
    back = [each.release for each in facts.rollouts if each.status == "reverted"]
    return f"{' and '.join(shares)} of users{killed}" + (f"; taken back: {', '.join(back)}" if back else "")


def status_of(rollout: RolloutFacts) -> str:
    """How a rollout stands, in one phrase."""
    return "first release, serves everybody at once" if rollout.previous is None else rollout.status
