"""The second half of a report: gate, releases, traffic, monitoring, money, and the record itself."""

from datetime import timedelta

from luthier.costs.types import Payback
from luthier.lifecycle.report.blocks import (
    Block,
    Bullets,
    Cell,
    Chart,
    Section,
    Table,
    Text,
    measured_cell,
    row,
    verdict_cell,
)
from luthier.lifecycle.report.facts import Facts, ReleaseFacts
from luthier.lifecycle.report.headline import status_of
from luthier.lifecycle.report.words import MISSING, duration, moment, money, outcome, seconds, short
from luthier.rollout.types import StageRecord


def gate_section(facts: Facts) -> Section:
    """What the gate said of each variant that asked."""
    blocks: list[Block] = []
    for gate in facts.gates:
        decision = gate.decision
        said = f"{gate.name}: {outcome(decision.verdict.outcome)}. {decision.verdict.reasons[0]}."
        if decision.override:
            by = decision.override
            said += f" OVERRIDDEN by {by.by} on {moment(by.at)}: {by.reason}"
        rows = [
            row(name, verdict_cell(verdict.outcome), "; ".join(verdict.reasons))
            for name, verdict in decision.checks.items()
        ]
        blocks.append(Text(said))
        if rows:
            blocks.append(Table(f"Checks of {gate.name}", ("check", "verdict", "why"), rows, folded=True))
    return Section("Gate", blocks or [Text(f"Gate: {MISSING}.")])


def releases_section(facts: Facts) -> Section:
    """Every release, its approvals and its lineage."""
    if not facts.releases:
        return Section("Releases", [Text("Nothing is released yet.")])
    rows = [
        row(
            Cell(each.id, f"{each.variant}, {short(each.variant_digest)}"), each.author, moment(each.created_at),
            Cell(outcome(each.gate), "overridden", "fail") if each.override else verdict_cell(each.gate),
            _approvals(each),
        )
        for each in facts.releases
    ]  # fmt: skip
    blocks: list[Block] = [Table("Releases", ("release", "made by", "at", "gate", "approvals"), rows)]
    lineage = [row(each.id, role, digest) for each in facts.releases for role, digest in each.lineage.items()]
    blocks.append(Table("Lineage: what each release rests on", ("release", "role", "SHA-256"), lineage, folded=True))
    return Section("Releases", blocks)


def rollout_section(facts: Facts) -> Section:
    """Traffic over time, stage by stage, with switch and drills."""
    if not facts.rollouts:
        return Section("Rollout", [Text("No release has answered anybody yet.")])
    blocks: list[Block] = [Chart("timeline")]
    for rollout in facts.rollouts:
        reason = f": {rollout.reason}" if rollout.status in {"reverted", "killed"} else ""
        blocks.append(Text(f"{rollout.release} ({rollout.variant}): {status_of(rollout)}{reason}."))
        if rollout.stages:
            rows = [_stage(stage) for stage in rollout.stages]
            head = ("share of users", "from", "for", "verdict", "why")
            blocks.append(Table(f"Stages of {rollout.release}", head, rows))
    return Section("Rollout", [*blocks, *_served(facts), *_switches(facts), *_drills(facts)])


def monitoring_section(facts: Facts) -> Section:
    """Drift, quality and failed cases."""
    health = facts.health
    if health is None:
        return Section("Monitoring", [Text(f"Served traffic: {MISSING}.")])
    words = f"; {health.new_words:.1%} of served words are new" if health.new_words is not None else ""
    blocks: list[Block] = [Text(f"{health.interactions:,} interactions looked at{words}.")]
    tests = [
        row(test.feature, f"{test.statistic:.4g}", f"{test.p_value:.3g}", f"{test.n_served:,}", f"{test.n_reference:,}")
        for test in health.tests
    ]
    if tests:
        head = ("feature", "statistic", "p", "n served", "n training")
        blocks.append(Table("Drift of served questions against the training questions", head, tests))
    if health.quality:
        blocks.append(Text(f"Quality: {outcome(health.quality.outcome)}. {'; '.join(health.quality.reasons)}."))
    findings = [f"{each.severity}: {each.summary} ({moment(each.at)})" for each in health.findings]
    blocks += [Text("Findings:"), Bullets(findings)] if findings else [Text("No finding.")]
    failed = ", ".join(f"{count:,} {why}" for why, count in sorted(health.failed.items())) or "none"
    return Section("Monitoring", [*blocks, Text(f"Failed cases put before the reviewers: {failed}.")])


def costs_section(facts: Facts) -> Section:
    """What was spent, and what could not be said."""
    found = facts.costs
    if found is None:
        return Section("Costs", [Text(f"Costs: {MISSING}."), *([Bullets(facts.notes)] if facts.notes else [])])
    blocks: list[Block] = [Text(f"Build in all: {money(found.build_total)}."), Chart("costs")]
    rows = []
    for each in found.variants:
        paid = found.payback.get(each.variant)
        rows.append(
            row(each.variant, money(each.per_answer), money(each.per_solved), measured_cell(each.solved),
                money(found.total_cost_of_ownership.get(each.variant)), _payback(paid))
        )  # fmt: skip
    if rows:
        head = ("variant", "per answer", "per solved task", "solved", "total cost of ownership", "payback")
        blocks.append(
            Table(
                "Money per variant; the share solved with its 95% interval, and payback at the ends of it", head, rows
            )
        )
    return Section("Costs", [*blocks, *([Bullets(found.notes)] if found.notes else [])])


def record_section(facts: Facts) -> Section:
    """The chain of evidence and the seal of the audit log."""
    rows = [row(each.link, each.state, each.digest or "-", each.reason or "-") for each in facts.links]
    return Section(
        "The record",
        [
            Table("The chain of evidence", ("link", "state", "SHA-256", "reason"), rows),
            Text(
                f"Audit log: {facts.audit.entries:,} entries, head {facts.audit.head}. "
                f"`luthier audit verify --anchor {facts.audit.entries}:{facts.audit.head}` checks that nothing before "
                "it was changed."
            ),
        ],
    )


def _payback(paid: Payback | None) -> Cell:
    if paid is None:
        return Cell("-")
    latest = f"{paid.latest_months:.1f}" if paid.latest_months is not None else "never"
    return Cell(f"{paid.months:.1f} months", f"{paid.soonest_months:.1f} to {latest}")


def _approvals(release: ReleaseFacts) -> Cell:
    given = [f"{each.approver}: {each.decision}, {each.reason}" for each in release.approvals]
    waiting = [f"waits for {', '.join(release.waiting_for)}"] if release.waiting_for else []
    return Cell("; ".join([*given, *waiting]) or release.approval)


def _stage(stage: StageRecord) -> list[Cell]:
    lasted = duration((stage.left_at - stage.entered_at) / timedelta(seconds=1)) if stage.left_at else "still on"
    why = "; ".join(stage.verdict.reasons) if stage.verdict else "-"
    verdict = verdict_cell(stage.verdict.outcome if stage.verdict else None)
    return row(f"{stage.percent:g}%", moment(stage.entered_at), lasted, verdict, why)


def _served(facts: Facts) -> list[Block]:
    rows = [
        row(each.release, f"{each.answers:,}", f"{each.errors:,}", measured_cell(each.solved),
            f"{each.solved.n:,}" if each.solved else "-",
            Cell(seconds(each.median_seconds), seconds(each.p95_seconds)))
        for each in facts.served
    ]  # fmt: skip
    head = ("release", "answers", "errors", "solved", "n judged", "time per answer")
    caption = "What each release served; solved with its 95% interval, median time with the 95th percentile below"
    return [Table(caption, head, rows)] if rows else []


def _switches(facts: Facts) -> list[Block]:
    said = [f"{moment(each.at)}: {each.kind} by {each.by}, {each.reason}" for each in facts.switches]
    return [Text("Kill switch:"), Bullets(said)] if said else [Text("The kill switch was never pulled.")]


def _drills(facts: Facts) -> list[Block]:
    rows = [
        row(
            moment(each.at), each.drill.release, each.drill.previous, f"{each.drill.seconds_back:.2f} s",
            f"{each.drill.seconds_forward:.2f} s", f"{each.drill.dropped:,} of {each.drill.requests:,}",
        )
        for each in facts.drills
    ]  # fmt: skip
    head = ("at", "release", "back to", "time back", "time forward", "requests dropped")
    caption = "Rollback drills on the live server, timed by a client outside"
    return [Table(caption, head, rows)] if rows else [Text("No rollback was rehearsed yet.")]
