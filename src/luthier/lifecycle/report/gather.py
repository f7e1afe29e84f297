"""The facts of a project, fetched from what is kept; nothing is run and nothing is written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from luthier.assess.kpis import figure_of
from luthier.costs.types import CostReport
from luthier.data.card import DataCard
from luthier.domain.decisions import Decision
from luthier.domain.money import Money
from luthier.domain.releases import GateDecision, Release
from luthier.domain.reports import Report
from luthier.domain.runs import TrainingRun
from luthier.domain.verdicts import judge
from luthier.errors import UserError
from luthier.evaluate.metrics import metrics
from luthier.lifecycle.accounts import cost_report
from luthier.lifecycle.links.evaluation import report_name
from luthier.lifecycle.links.release import approval
from luthier.lifecycle.links.review import Admission
from luthier.lifecycle.links.training import CONTROL
from luthier.lifecycle.report.facts import (
    AuditFacts,
    Facts,
    GateFacts,
    HealthFacts,
    KpiFacts,
    ReleaseFacts,
    VariantFacts,
)
from luthier.lifecycle.report.measured import differences_of, variant_facts
from luthier.lifecycle.report.traffic import drills_of, rollouts_of, served_of, switches_of, traffic_of
from luthier.lifecycle.status import status
from luthier.lifecycle.workspace import V, Workspace
from luthier.monitor.stage import Health
from luthier.train.lab.learning import LearningCurve

LABELS = ("", CONTROL)


def gather(work: Workspace) -> Facts:
    """Everything that can be told now; what is not there yet is None, empty, or named in `notes`."""
    costs, notes = _costs(work)
    reports = _reports(work)
    variants = tuple(variant_facts(work.config, name, report, costs) for name, report in reports.items())
    primary, lower = _primary(work), _lower_is_better(reports.values())
    candidate = _chosen(work, variants, "tuned", primary, lower)
    return Facts(
        project=work.project,
        at=work.clock(),
        links=status(work).links,
        charter=work.config.charter,
        kpis=_kpis(work, reports.get(candidate or "")),
        data=_kept(work, "data", "card", DataCard),
        review=_kept(work, "review", "", Admission),
        benchmark=work.config.evaluation.benchmarks[0].name,
        primary_metric=primary,
        lower_is_better=lower,
        candidate=candidate,
        best_baseline=_chosen(work, variants, "baseline", primary, lower),
        variants=variants,
        unmeasured=tuple(name for name in work.config.variants if name not in reports),
        differences=differences_of(work, LABELS),
        decision=_kept(work, "assess", "", Decision),
        training=_kept(work, "train", "", TrainingRun),
        control=_kept(work, "train", CONTROL, TrainingRun),
        learning=_kept(work, "learning_curve", "", LearningCurve),
        gates=_gates(work),
        releases=_releases(work),
        rollouts=rollouts_of(work),
        traffic=traffic_of(work),
        switches=switches_of(work),
        drills=drills_of(work),
        served=served_of(work),
        health=_health(work),
        costs=costs,
        spent=_spent(work),
        audit=_audit(work),
        notes=notes,
    )


def _kept(work: Workspace, link: str, name: str, kind: type[V]) -> V | None:
    digest = work.latest(link, name)
    return work.fetch(digest, kind) if digest is not None else None


def _costs(work: Workspace) -> tuple[CostReport | None, tuple[str, ...]]:
    try:
        return cost_report(work), ()
    except UserError as fault:  # a report about everything else is still due
        return None, (f"costs: {fault.message}",)


def _reports(work: Workspace) -> dict[str, Report]:
    """Variant -> its last report on the first benchmark; those of the control run are called NAME@control."""
    benchmark = work.config.evaluation.benchmarks[0]
    found = {}
    for label in LABELS:
        for name in work.config.variants:
            report = _kept(work, "evaluate", report_name(name, benchmark, label=label), Report)
            if report is not None:
                found[f"{name}@{label}" if label else name] = report
    return found


def _primary(work: Workspace) -> str:
    benchmark, section = work.config.evaluation.benchmarks[0], work.config.evaluation.production_release
    wanted = section.primary_metric if section else work.config.assess.metric
    return wanted if wanted in benchmark.measured else benchmark.measured[0]


def _lower_is_better(reports: Iterable[Report]) -> tuple[str, ...]:
    names = dict.fromkeys(name for report in reports for name in report.overall)
    known = metrics.names()
    return tuple(name for name in names if name in known and not metrics.get(name).wants_high)


def _chosen(
    work: Workspace, variants: Sequence[VariantFacts], kind: str, primary: str, lower: Sequence[str]
) -> str | None:
    """The best variant of its kind on the primary metric; of tuned ones, the one that the project file names."""
    section = work.config.evaluation.production_release
    if kind == "tuned" and section and section.candidate:
        return section.candidate
    sign = -1 if primary in lower else 1
    measured = [each for each in variants if each.kind == kind and primary in each.overall]
    best = max(measured, key=lambda each: sign * each.overall[primary].value, default=None)
    return best.name if best else None


def _kpis(work: Workspace, report: Report | None) -> tuple[KpiFacts, ...]:
    found = []
    for kpi in work.config.charter.kpis:
        figure = figure_of(kpi, report) if report else None
        verdict = judge(figure, kpi.line) if figure else None
        found.append(
            KpiFacts(
                name=kpi.name, now=kpi.now, target=kpi.target, owner=kpi.owner, measured=figure, verdict=verdict
            )
        )  # fmt: skip
    return tuple(found)


def _gates(work: Workspace) -> tuple[GateFacts, ...]:
    rows = {row.name: row for row in work.store.links.history(work.project) if row.link == "gate" and row.digest}
    return tuple(
        GateFacts(name=name, at=row.at, decision=work.fetch(str(row.digest), GateDecision))
        for name, row in rows.items()
    )


def _releases(work: Workspace) -> tuple[ReleaseFacts, ...]:
    found = []
    for row in work.store.releases.all(work.project):
        made, state = work.fetch(row.digest, Release), approval(work, row.release_id)
        decided = [*state.filled.values(), *([state.rejection] if state.rejection else [])]
        found.append(
            ReleaseFacts(
                id=made.id, version=made.version, variant=made.variant.name, variant_digest=made.variant.digest,
                author=made.author, created_at=made.created_at, gate=made.gate.verdict.outcome,
                override=made.gate.override, lineage=made.lineage, approval=state.status,
                approvals=tuple(dict.fromkeys(decided)), waiting_for=state.waiting_for,
            )
        )  # fmt: skip
    return tuple(found)


def _health(work: Workspace) -> HealthFacts | None:
    health = _kept(work, "monitor", "", Health)
    if health is None:
        return None
    return HealthFacts(
        interactions=health.interactions, tests=health.tests, new_words=health.new_words, quality=health.quality,
        findings=health.findings, failed=Counter(case.why for case in health.failed),
    )  # fmt: skip


def _spent(work: Workspace) -> Mapping[str, Money]:
    entries, currency = work.store.ledger.entries(), work.config.costs.currency
    buckets = sorted({entry.bucket for entry in entries if entry.currency == currency})
    return {bucket: Money(amount=work.store.ledger.total(bucket)[currency], currency=currency) for bucket in buckets}


def _audit(work: Workspace) -> AuditFacts:
    head = work.store.audit.head()
    return AuditFacts(entries=head.seq, head=head.hash)
