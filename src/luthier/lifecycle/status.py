"""Where a project stands, as one value; its JSON schema is versioned."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from luthier.domain.releases import GateDecision, Release
from luthier.domain.reports import Comparison, Report
from luthier.domain.value import Value
from luthier.domain.withdrawals import WithdrawalStatus
from luthier.lifecycle.chain import CHAIN
from luthier.lifecycle.links.data import retention_over_since
from luthier.lifecycle.links.evaluation import report_name
from luthier.lifecycle.links.release import approval
from luthier.lifecycle.rollouts import controller
from luthier.lifecycle.withdrawal import standings
from luthier.lifecycle.workspace import Workspace
from luthier.store import LinkRow

SCHEMA = 1
State = Literal["done", "due", "refused", "waiting"]


class LinkStatus(BaseModel):
    """One link: done, due, refused, or waiting for a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    link: str
    state: State
    reason: str
    digest: str | None
    parents: tuple[str, ...]


class Figure(Value):
    """One measured figure with its interval and, where a line was set, its verdict."""

    value: float
    n: int
    low: float
    high: float
    verdict: str | None


class Difference(Value):
    """How much a variant differs from another, row by row."""

    difference: float
    low: float
    high: float


class VariantStatus(Value):
    """Everything measured of one variant."""

    reports: Mapping[str, Mapping[str, Figure]]
    paired: Mapping[str, Mapping[str, Difference]]


class ReleaseStatus(Value):
    """One release: its gate and its approval."""

    id: str
    variant: str
    gate: str
    is_overridden: bool
    approval: str


class RolloutStatus(Value):
    """Who answers whom."""

    status: str
    stable: str | None
    canary: str | None
    percent: float
    is_killed: bool
    reason: str


class Status(Value):
    """The whole of `luthier status --json`."""

    schema_version: int = Field(default=SCHEMA)
    project: str
    links: tuple[LinkStatus, ...]
    variants: Mapping[str, VariantStatus]
    releases: tuple[ReleaseStatus, ...]
    rollout: RolloutStatus
    withdrawals: tuple[WithdrawalStatus, ...] = ()


def status(work: Workspace) -> Status:
    """Where the project stands, from what is kept; nothing is run."""
    return Status(
        project=work.project,
        links=tuple(_link(work, link.name) for link in CHAIN),
        variants={name: _variant(work, name) for name in work.config.variants},
        releases=tuple(_release(work, row.digest) for row in work.store.releases.all(work.project)),
        rollout=_rollout(work),
        withdrawals=standings(work),
    )


def _link(work: Workspace, name: str) -> LinkStatus:
    if name == "release":
        return _release_link(work)
    if name == "rollout":
        return _rollout_link(work)
    row = _row(work, name)
    if name == "data" and row is not None and row.state == "done" and (told := _why_data_is_due(work)):
        return LinkStatus(
            link=name, state="due", reason=f"{told}: luthier data build", digest=row.digest, parents=row.parents
        )
    if row is None:
        return LinkStatus(link=name, state="due", reason="not run yet", digest=None, parents=())
    if row.link == "gate" and row.state == "done":
        return _gate_link(work, name, row)
    return LinkStatus(link=name, state=row.state, reason=row.reason, digest=row.digest, parents=row.parents)


def _why_data_is_due(work: Workspace) -> str | None:
    """What the snapshot still holds and should not; None where that is nothing."""
    waiting = [each for each in standings(work) if each.needs_build]
    if waiting:
        return f"rows of {', '.join(each.id for each in waiting)} are still listed"
    since = retention_over_since(work)
    return f"rows are past their retention since {since}" if since else None


def _gate_link(work: Workspace, name: str, row: LinkRow) -> LinkStatus:
    """A decision that was made is done only when it lets the variant through."""
    decision = work.fetch(row.digest, GateDecision) if row.digest else None
    state: State = "done" if decision and decision.lets_through else "refused"
    reason = row.reason
    if decision and decision.override:
        reason = f"{decision.verdict.outcome}, overruled by {decision.override.by}: {decision.override.reason}"
    elif decision and not decision.lets_through:
        reason = f"{decision.verdict.outcome}: {'; '.join(decision.verdict.reasons)}"
    return LinkStatus(link=name, state=state, reason=reason, digest=row.digest, parents=row.parents)


def _release_link(work: Workspace) -> LinkStatus:
    rows = work.store.releases.all(work.project)
    section = work.config.evaluation.production_release
    rows = [row for row in rows if section is None or row.variant != section.fallback]
    if not rows:
        return LinkStatus(link="release", state="due", reason="nothing is released yet", digest=None, parents=())
    states: dict[str, State] = {"approved": "done", "rejected": "refused"}
    found = approval(work, rows[-1].release_id)
    reason = f"waits for {', '.join(found.waiting_for)}" if found.status == "waiting" else ""
    made = work.fetch(rows[-1].digest, Release)
    return LinkStatus(
        link="release",
        state=states.get(found.status, "waiting"),
        reason=reason,
        digest=rows[-1].digest,
        parents=tuple(made.lineage.values()),
    )


def _rollout_link(work: Workspace) -> LinkStatus:
    now = controller(work)
    states: dict[str, State] = {"completed": "done", "running": "waiting", "reverted": "refused", "killed": "refused"}
    parents = tuple(row.digest for row in work.store.releases.all(work.project) if row.release_id == now.state.release)
    return LinkStatus(
        link="rollout", state=states.get(now.state.status, "due"), reason=now.state.reason, digest=None, parents=parents
    )


def _row(work: Workspace, name: str) -> LinkRow | None:
    """The last result that stands for a link; those made of several results are told by their last one."""
    section = work.config.evaluation
    plain = {"charter", "data", "review", "assess", "train", "monitor"}
    if name in plain:
        return work.store.links.latest(work.project, name)
    tuned = {variant for variant, chosen in work.config.variants.items() if chosen.adapter is not None}
    fallback = section.production_release.fallback if section.production_release else None
    rows = [row for row in work.store.links.history(work.project) if "@" not in row.name]
    match name:
        case "baselines":
            rows = [row for row in rows if row.link == "evaluate" and row.name.split("/")[0] not in tuned]
        case "evaluate":
            rows = [row for row in rows if row.link == "evaluate" and row.name.split("/")[0] in tuned]
        case "fallback":
            rows = [row for row in rows if row.link == "gate" and row.name == fallback]
        case _:
            rows = [row for row in rows if row.link == "gate" and row.name != fallback]
    return rows[-1] if rows else None


def _variant(work: Workspace, name: str) -> VariantStatus:
    reports: dict[str, dict[str, Figure]] = {}
    paired: dict[str, dict[str, Difference]] = {}
    for benchmark in work.config.evaluation.benchmarks:
        digest = work.latest("evaluate", report_name(name, benchmark))
        if digest is not None:
            reports[benchmark.name] = _figures(work.fetch(digest, Report))
        compared = work.latest("compare", report_name(name, benchmark))
        if compared is not None:
            _pair(paired, work.fetch(compared, Comparison))
    return VariantStatus(reports=reports, paired=paired)


def _figures(report: Report) -> dict[str, Figure]:
    return {
        metric: Figure(
            value=figure.value, n=figure.n, low=figure.low, high=figure.high,
            verdict=report.verdicts[metric].outcome if metric in report.verdicts else None,
        )
        for metric, figure in report.overall.items()
    }  # fmt: skip


def _pair(paired: dict[str, dict[str, Difference]], comparison: Comparison) -> None:
    for found in comparison.differences:
        figures = paired.setdefault(found.other, {})
        figures[found.metric] = Difference(difference=found.difference, low=found.low, high=found.high)


def _release(work: Workspace, digest: str) -> ReleaseStatus:
    made = work.fetch(digest, Release)
    return ReleaseStatus(
        id=made.id,
        variant=made.variant.name,
        gate=made.gate.verdict.outcome,
        is_overridden=made.gate.override is not None,
        approval=approval(work, made.id).status,
    )


def _rollout(work: Workspace) -> RolloutStatus:
    now = controller(work)
    return RolloutStatus(
        status=now.state.status,
        stable=now.traffic.stable,
        canary=now.traffic.canary,
        percent=now.traffic.percent,
        is_killed=now.traffic.killed,
        reason=now.state.reason,
    )
