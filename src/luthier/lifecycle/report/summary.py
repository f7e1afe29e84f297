"""The report on one screen of a terminal, as plain text; what is too long for a line stays in the HTML."""

from collections.abc import Iterator

from luthier.domain.measure import Measurement
from luthier.lifecycle.report.blocks import Table, row
from luthier.lifecycle.report.facts import Facts, RolloutFacts
from luthier.lifecycle.report.figures import ordered
from luthier.lifecycle.report.headline import headline, status_of
from luthier.lifecycle.report.words import MISSING, duration, figure, interval, moment, money, outcome, seconds

INVALID = "invalid_call"


def variants_table(facts: Facts) -> Table:
    """Every variant in one line: its metric with interval and n, invalid calls, money and time."""
    rows = []
    for each in ordered(facts):
        found, invalid = each.overall[facts.primary_metric], each.overall.get(INVALID)
        solved = money(each.cost.per_solved) if each.cost else "-"
        timed = seconds(each.latency.median_seconds) if each.latency else "-"
        rows.append(row(each.name, figure(found.value), interval(found), f"{found.n}", _share(invalid), solved, timed))
    head = ("variant", facts.primary_metric, "95% interval", "n", "invalid calls", "cost per solved", "time per answer")
    return Table(f"Variants on {facts.benchmark}", head, rows)


def summary_lines(facts: Facts) -> Iterator[str]:
    """Everything below the table, one line each."""
    yield headline(facts)
    for gate in facts.gates:
        override = f", overridden by {gate.decision.override.by}" if gate.decision.override else ""
        yield f"gate on {gate.name}: {outcome(gate.decision.verdict.outcome)}{override}"
    for rollout in facts.rollouts:
        yield f"{rollout.release} ({rollout.variant}), {moment(rollout.began_at)}: {status_of(rollout)}"
        yield from _stages(rollout)
    for switch in facts.switches:
        yield f"kill switch {switch.kind} by {switch.by}, {moment(switch.at)}"
    for drill in facts.drills:
        back = f"back in {drill.drill.seconds_back:.2f} s, forward in {drill.drill.seconds_forward:.2f} s"
        yield f"rollback drill: {back}, {drill.drill.dropped} of {drill.drill.requests} requests dropped"
    if facts.health:
        findings, failed = len(facts.health.findings), sum(facts.health.failed.values())
        yield f"monitoring: {findings} findings, {failed} failed cases before the reviewers"
    yield _costs(facts)


def _stages(rollout: RolloutFacts) -> Iterator[str]:
    for stage in rollout.stages:
        lasted = duration((stage.left_at - stage.entered_at).total_seconds()) if stage.left_at else "still on"
        yield f"  {stage.percent:g}% of users, {lasted}: {outcome(stage.verdict.outcome if stage.verdict else None)}"


def _costs(facts: Facts) -> str:
    if facts.costs is None:
        return f"costs: {MISSING}"
    parts = [f"{name} {money(amount)}" for name, amount in {**facts.costs.build, **facts.costs.running}.items()]
    return f"costs: {', '.join(parts) or 'none entered'}"


def _share(found: Measurement | None) -> str:
    return f"{found.value:.1%}" if found else "-"
