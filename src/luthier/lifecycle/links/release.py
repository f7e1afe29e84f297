"""Gate decisions, releases made of them, and the approvals that clear a release."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter

from luthier.domain.releases import GateDecision, Override, Release
from luthier.domain.reports import Comparison, Report
from luthier.domain.runs import TrainingRun
from luthier.domain.snapshots import Manifest
from luthier.domain.value import Json
from luthier.domain.variants import Variant
from luthier.errors import NotFound, Refused, Tampered, UserError, WaitingForPerson
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.forgetting import forgetting_of, forgetting_verdict
from luthier.lifecycle.lab.warnings import run_warnings
from luthier.lifecycle.links.data import gold_set
from luthier.lifecycle.links.evaluation import (
    baseline_reports,
    best_baseline_of,
    report_name,
    reports_of,
    settle_comparison,
)
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.release.card import model_card
from luthier.release.config import ReleaseConfig
from luthier.release.lineage import lineage
from luthier.release.stage import VERSION, release_of, run
from luthier.release.step import step
from luthier.release.types import Actor, ApprovalState, Approved, Event, Evidence, Proposed, Rejected
from luthier.store import ApprovalRow, Principal, ReleaseRow
from luthier.variants.engines.folders import weights_digest

_events: TypeAdapter[Event] = TypeAdapter(Event)


def release_section(work: Workspace) -> ReleaseConfig:
    """Who decides on releases; Refused where the project does not say."""
    section = work.config.evaluation.production_release
    if section is None:
        raise Refused("nobody is named to approve releases", hint="add `evaluation.production_release.approvers`")
    return section


def candidate(work: Workspace) -> str:
    """The variant to release: the one named, or the tuned one with the best primary metric."""
    section = release_section(work)
    if section.candidate:
        return section.candidate
    tuned = [name for name, variant in work.config.variants.items() if variant.adapter]
    measured = {name: reports_of(work, name)[0] for name in tuned}
    if not measured:
        return section.fallback
    return max(measured, key=lambda name: measured[name].overall[section.primary_metric].value)


def settle_gate(
    work: Workspace, variants: Variants, variant: Variant, *, label: str = "", override_reason: str | None = None
) -> Settled:
    """The gate's decision on a variant as it was measured.

    An override needs a reason and keeps its name; it stands for as long as the evidence it was given on does.
    """
    section = release_section(work)
    name = _gate_name(variant.name, label)
    evidence = _evidence(work, variants, variant, label=label)
    inputs = {**{report.benchmark: report.digest for report in evidence.reports}, **_compared(evidence)}
    general = forgetting_of(work, variant.adapter) if evidence.forgetting and variant.adapter else None
    if general is not None:
        inputs["forgetting"] = general.digest
    override = (
        _override(work.actor, override_reason, work.clock())
        if override_reason is not None
        else _standing_override(work, name, inputs, needed=not run(section, evidence).lets_through)
    )
    return work.settle(
        "gate",
        name,
        version_number=VERSION,
        section={
            "release": section.model_dump(mode="json"),
            "override": override.reason if override else None,
            "intact": dict(evidence.intact),  # bytes that changed since then must be judged anew
            "warnings": list(evidence.warnings),
        },
        inputs=inputs,
        perform=lambda: _decide(work, section, evidence, override),
    )


def settle_release(work: Workspace, variant: Variant, *, label: str = "") -> Release:
    """The release of a variant that its gate let through; the same variant and gate give the same release.

    Raises:
        Tampered: The gold set that it was measured on is no longer the frozen one.

    """
    gold_set(work)
    gate = work.fetch(work.require("gate", _gate_name(variant.name, label)), GateDecision)
    for row in work.store.releases.all(work.project):
        made = work.fetch(row.digest, Release)
        if made.variant.digest == variant.digest and made.gate.digest == gate.digest:
            return made
    reports = reports_of(work, variant.name, label=label)
    version = len(work.store.releases.all(work.project)) + 1
    snapshot, training = _origin(work, variant, label)
    release = release_of(
        gate, variant, lineage(variant, reports, snapshot=snapshot, run=training),
        release_id=f"{work.project}-{version}", version=version, project=work.project, author=work.actor,
        now=work.clock(),
    )  # fmt: skip
    _keep(work, release, reports)
    return release


def release(work: Workspace, release_id: str) -> Release:
    """A release by its id."""
    return work.fetch(work.store.releases.get(release_id).digest, Release)


def approval(work: Workspace, release_id: str) -> ApprovalState:
    """Where the approval of a release stands, replayed from its events."""
    state = ApprovalState()
    for event in work.store.events.read(_stream(release_id)):
        state, _ = step(state, _events.validate_python(event.payload), event.at)
    return state


def decide(work: Workspace, release_id: str, by: Principal, *, approve: bool, reason: str) -> ApprovalState:
    """The approval's state after one person, known by their own credential, said yes or no.

    Raises:
        Tampered: They said yes, and the gold set that it was measured on is no longer the frozen one.

    """
    made = release(work, release_id)
    if approve:
        gold_set(work)
    actor = Actor(name=by.name, roles=by.roles)
    event: Event = Approved(by=actor, reason=reason) if approve else Rejected(by=actor, reason=reason)
    verdict: Literal["approve", "reject"] = "approve" if approve else "reject"
    row = ApprovalRow(release_id=made.id, approver=by.name, decision=verdict, reason=reason, at=work.clock())
    with work.store.together():
        state = _append(work, release_id, event)
        work.store.releases.approve(row)
        work.store.audit.append(by.name, f"release.{verdict}", made.id, {"reason": reason}, now=work.clock())
    return state


def require_approved(work: Workspace, release_id: str) -> Release:
    """The release when everybody named has approved it; else who must."""
    made, state = release(work, release_id), approval(work, release_id)
    if state.status == "approved":
        return made
    if state.status == "rejected":
        raise Refused(f"release {release_id} was rejected", hint="make a new release")
    raise WaitingForPerson(
        f"release {release_id} waits for {', '.join(state.waiting_for)}",
        hint=f"luthier release approve {release_id} --reason ... with the approver's own key",
    )


def card(work: Workspace, release_id: str) -> str:
    """The model card of a release, in Markdown."""
    made = release(work, release_id)
    reports = [work.fetch(digest, Report) for role, digest in made.lineage.items() if role.startswith("report:")]
    snapshot = made.lineage.get("snapshot")
    training = made.lineage.get("run")
    return model_card(
        made,
        reports,
        comparison=_comparison(work, made, reports[0]),
        snapshot=work.fetch(snapshot, Manifest) if snapshot else None,
        run=work.fetch(training, TrainingRun) if training else None,
        approval=approval(work, release_id),
    )


def _evidence(work: Workspace, variants: Variants, variant: Variant, *, label: str) -> Evidence:
    reports = reports_of(work, variant.name, label=label)
    section = release_section(work)
    released = [work.fetch(row.digest, Release).variant for row in work.store.releases.all(work.project)]
    first = all(made.digest == variant.digest for made in released)
    comparison = None
    if not first:
        comparison = work.fetch(settle_comparison(work, reports[0], label=label).digest, Comparison)
    best = best_baseline_of(work, section.primary_metric).variant if baseline_reports(work) else None
    return Evidence(
        variant=variant,
        reports=tuple(reports),
        comparison=comparison,
        best_baseline=best,
        intact=_intact(work, variants, variant),
        first_release=first,
        forgetting=forgetting_verdict(work, variant),
        warnings=run_warnings(work, variant, label),
    )


def _compared(evidence: Evidence) -> dict[str, str]:
    return {"comparison": evidence.comparison.digest} if evidence.comparison else {}


def _intact(work: Workspace, variants: Variants, variant: Variant) -> dict[str, bool]:
    """Whether what the evidence rests on still has the bytes it had."""
    same = {"gold": _is_kept(lambda: gold_set(work)), "snapshot": _is_kept(lambda: _snapshot(work))}
    if variant.model.weights and variant.model.engine == "local":
        folder = variants.base_folder(work.config.variants[variant.name].model)
        same["base_weights"] = weights_digest(folder) == variant.model.weights
    return same


def _is_kept(read: Callable[[], object]) -> bool:
    try:
        read()
    except Tampered:
        return False
    return True


def _snapshot(work: Workspace) -> Manifest:
    return work.fetch(work.require("data"), Manifest)


def _origin(work: Workspace, variant: Variant, label: str) -> tuple[Manifest | None, TrainingRun | None]:
    if variant.adapter is None:
        return None, None
    training = work.fetch(work.require("train", label), TrainingRun)
    return work.fetch(training.snapshot, Manifest), training


def _decide(work: Workspace, section: ReleaseConfig, evidence: Evidence, override: Override | None) -> str:
    decision = run(section, evidence, override=override)
    verdict = decision.verdict
    work.voice.say(f"gate on {decision.variant}: {verdict.outcome.replace('_', ' ')}")
    for reason in verdict.reasons:
        work.voice.say(f"- {reason}")
    for warning in decision.warnings:
        work.voice.say(f"warning: {warning}")
    if decision.override:
        work.voice.say(f"overridden by {decision.override.by}: {decision.override.reason}")
    return work.keep(decision, kind="gate", parents=[report.digest for report in evidence.reports])


def _standing_override(work: Workspace, name: str, inputs: Mapping[str, str], *, needed: bool) -> Override | None:
    """What a person said of this very evidence earlier, where the gate still needs it."""
    decided = [row for row in work.store.links.history(work.project) if (row.link, row.name) == ("gate", name)]
    last = next((row for row in reversed(decided) if row.digest), None)
    if not needed or last is None or last.digest is None or set(last.parents) != set(inputs.values()):
        return None
    return work.fetch(last.digest, GateDecision).override


def _override(by: str, reason: str, now: datetime) -> Override:
    if len(reason.strip()) < 10:
        raise UserError("an override needs a reason of ten characters or more", hint="say why it is right to go on")
    return Override(by=by, reason=reason, at=now)


def _keep(work: Workspace, made: Release, reports: list[Report]) -> None:
    parents = [digest for role, digest in made.lineage.items() if _is_artifact(work, digest) and role != "base"]
    digest = work.keep(made, kind="release", parents=[*parents, made.gate.digest])
    row = ReleaseRow(
        release_id=made.id, project=made.project, version=made.version, variant=made.variant.name, digest=digest,
        author=made.author, at=made.created_at,
    )  # fmt: skip
    digests: list[Json] = [report.digest for report in reports]
    detail: dict[str, Json] = {"variant": made.variant.name, "reports": digests}
    with work.store.together():
        work.store.releases.add(row)
        _append(work, made.id, Proposed(release=made, approvers=release_section(work).approvers))
        work.store.audit.append(work.actor, "release.propose", made.id, detail, now=work.clock())
    work.voice.say(f"release {made.id} of {made.variant.name} proposed by {made.author}")


def _is_artifact(work: Workspace, digest: str) -> bool:
    try:
        work.store.artifacts.info(digest)
    except NotFound:
        return False
    return True


def _append(work: Workspace, release_id: str, event: Event) -> ApprovalState:
    stream = _stream(release_id)
    kept = work.store.events.read(stream)
    state, _ = step(approval(work, release_id), event, work.clock())
    work.store.events.append(stream, len(kept), event.kind, event.model_dump(mode="json"), work.clock())
    return state


def _comparison(work: Workspace, made: Release, report: Report) -> Comparison | None:
    for name in ("", "control"):
        benchmark = next(each for each in work.config.evaluation.benchmarks if each.name == report.benchmark)
        digest = work.latest("compare", report_name(made.variant.name, benchmark, label=name))
        found = work.fetch(digest, Comparison) if digest else None
        if found and work.latest("evaluate", report_name(made.variant.name, benchmark, label=name)) == report.digest:
            return found
    return None


def _gate_name(variant: str, label: str) -> str:
    return f"{variant}@{label}" if label else variant


def _stream(release_id: str) -> str:
    return f"approval/{release_id}"
