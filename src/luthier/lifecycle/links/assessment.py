"""The charter's check, and the decision drawn from baselines that were really run."""

from luthier.assess.charter import require_charter, require_readiness
from luthier.assess.config import AssessConfig, CharterConfig
from luthier.assess.stage import STAGE_VERSION, run
from luthier.assess.types import Baseline, Evidence
from luthier.assess.verdict import overrule
from luthier.domain.decisions import Advice, Decision
from luthier.domain.reports import Report
from luthier.domain.value import Json, Value
from luthier.errors import Refused
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.evaluation import baseline_names, baseline_reports
from luthier.lifecycle.links.review import admitted_rows
from luthier.lifecycle.workspace import Settled, Workspace


class Charter(Value):
    """The charter as it stood when the project started, or was last changed."""

    charter: CharterConfig


def settle_charter(work: Workspace) -> Settled:
    """The charter, when it may start."""
    charter = _charter(work)
    return work.settle(
        "charter",
        version_number=STAGE_VERSION,
        section=charter.model_dump(mode="json"),
        inputs={},
        perform=lambda: _check(work, charter),
    )


def settle_decision(work: Workspace, variants: Variants) -> Settled:
    """The decision on the baselines as they were last measured, with any override a person made of it."""
    charter, config = _charter(work), work.config.assess
    reports = baseline_reports(work)
    section: dict[str, Json] = {
        "charter": charter.model_dump(mode="json"),
        "assess": config.model_dump(mode="json"),
    }
    settled = work.settle(
        "assess",
        "advice",
        version_number=STAGE_VERSION,
        section=section,
        inputs={
            "snapshot": work.require("data"),
            "admission": work.require("review"),
            **{f"report:{name}": report.digest for name, report in reports.items()},
        },
        perform=lambda: _decide(work, variants, charter, config, reports),
    )
    return _with_override(work, settled)


def override_decision(work: Workspace, advice: Advice, *, reason: str) -> Decision:
    """The decision with a person's own advice on top, in force from now on; kept with name and reason."""
    advised = work.fetch(work.require("assess", "advice"), Decision)
    overruled = overrule(advised, advice, by=work.actor, reason=reason, now=work.clock())
    digest = work.keep(overruled, kind="decision", parents=[advised.digest])
    work.record("assess", "override", fingerprint=advised.digest, digest=digest, inputs={"advice": advised.digest})
    work.record("assess", "", fingerprint=digest, digest=digest, inputs={"advice": advised.digest})
    return overruled


def decision(work: Workspace) -> Decision:
    """The decision in force."""
    return work.fetch(work.require("assess"), Decision)


def require_tuning(work: Workspace) -> Decision:
    """The decision, where it allows tuning and every readiness box is ticked; Refused with the reasons otherwise."""
    found = decision(work)
    if not found.allows_tuning:
        raise Refused(
            f"the decision is {found.effective.replace('_', ' ')}, not to tune: {'; '.join(found.reasons)}",
            hint="do as advised, or `luthier assess override tune --reason ...`",
        )
    require_readiness(_charter(work))
    return found


def _charter(work: Workspace) -> CharterConfig:
    if work.config.charter is None:
        raise Refused("the project has no charter", hint="say under `charter` which problem it solves, and for whom")
    return work.config.charter


def _check(work: Workspace, charter: CharterConfig) -> str:
    require_charter(charter)
    kill = charter.kill_criterion
    stop = f"; stop unless {kill.metric} {kill.must_reach} within {kill.within_weeks} weeks" if kill else ""
    work.voice.say(f"{charter.problem} KPIs: {', '.join(f'{kpi.name} {kpi.target}' for kpi in charter.kpis)}{stop}")
    return work.keep(Charter(charter=charter), kind="charter")


def _decide(
    work: Workspace, variants: Variants, charter: CharterConfig, config: AssessConfig, reports: dict[str, Report]
) -> str:
    evidence = Evidence(
        project=work.project,
        baselines=tuple(Baseline(variant=variants.of(name), report=reports[name]) for name in baseline_names(work)),
        training=admitted_rows(work, "train"),
        tools=work.tools,
        passages={
            passage.id: f"{passage.title} {passage.text}"
            for index in variants.indexes.values()
            for passage in index.passages
        },
    )
    found = run(charter, config, evidence)
    work.voice.say(f"advice: {found.advice.replace('_', ' ')}. {' '.join(found.reasons)}")
    return work.keep(found, kind="decision", parents=[report.digest for report in reports.values()])


def _with_override(work: Workspace, advised: Settled) -> Settled:
    """The override made of this very advice, if there is one, else the advice; either is the link's result."""
    last = work.store.links.latest(work.project, "assess", "override")
    stands = last is not None and advised.digest in last.parents
    digest = last.digest if last is not None and stands and last.digest else advised.digest
    is_fresh = work.latest("assess") != digest
    if is_fresh:
        work.record("assess", "", fingerprint=digest, digest=digest, inputs={"advice": advised.digest})
    return Settled(digest, is_fresh=is_fresh)
