"""The model card: one page of Markdown that says what a release is, how good, for what, and who said yes."""

from collections.abc import Iterable, Mapping, Sequence

from luthier.domain.measure import Measurement
from luthier.domain.releases import GateDecision, Release
from luthier.domain.reports import Comparison, Report
from luthier.domain.runs import TrainingRun
from luthier.domain.snapshots import Manifest
from luthier.domain.variants import Variant
from luthier.release.types import ApprovalState

OUTCOMES = {"pass": "pass", "fail": "**fail**", "not_enough_evidence": "**not enough evidence**"}
MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\|`*[]"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def model_card(
    release: Release,
    reports: Sequence[Report],
    *,
    comparison: Comparison | None = None,
    approval: ApprovalState | None = None,
    snapshot: Manifest | None = None,
    run: TrainingRun | None = None,
    purpose: str = "",
    limits: Sequence[str] = (),
) -> str:
    """The card as Markdown; every figure with its n and interval, an override before everything else."""
    sections = [
        f"# {_plain(release.project)}: release {release.version} ({_plain(release.variant.name)})",
        *_override(release.gate),
        *([_plain(purpose)] if purpose else []),
        _what(release, run),
        "## Gate",
        _gate(release.gate),
        *([_bullets([f"Warning: {each}" for each in release.gate.warnings])] if release.gate.warnings else []),
        *(part for report in reports for part in _figures(report)),
        *(["## Against other variants, row by row", _paired(comparison)] if comparison else []),
        *(["## Data", _data(snapshot)] if snapshot else []),
        "## Limits",
        _bullets([*_known_limits(release.variant, reports), *limits]),
        "## Approvals",
        _approvals(approval),
        "## Lineage",
        _table(["role", "SHA-256"], [[role, f"`{digest}`"] for role, digest in release.lineage.items()]),
    ]
    return "\n\n".join(sections) + "\n"


def _override(gate: GateDecision) -> list[str]:
    if gate.override is None:
        return []
    said = gate.override
    return [
        f"> **Released against its gate.** {_plain(said.by)} overrode the verdict"
        f" {OUTCOMES[gate.verdict.outcome]} on {said.at.isoformat()}: {_plain(said.reason)}"
    ]


def _shots(variant: Variant) -> str:
    choice = variant.shot_choice
    return f"{choice.count} {choice.how} ones of {len(variant.shots)}" if choice else str(len(variant.shots))


def _what(release: Release, run: TrainingRun | None) -> str:
    variant = release.variant
    rows = [
        ["release", f"`{release.id}`"],
        ["made by", f"{_plain(release.author)}, {release.created_at.isoformat()}"],
        ["base model", f"{_plain(variant.model.id)} ({_plain(variant.model.engine)})"],
        _tuned(variant.adapter, run),
        ["retrieval", _plain(variant.retrieval.kb) if variant.retrieval else "none"],
        ["worked examples in the prompt", _shots(variant)],
    ]
    if run:
        rows.append(["training", f"{_plain(run.method)}, {run.examples_seen} examples seen, seed {run.seed}"])
        rows.append(["stopped", f"{run.stopped_because} (best step {run.best_step})"])
        rows.append(["training cost", str(run.cost)])
    return _table(["what", "value"], rows)


def _tuned(digest: str | None, run: TrainingRun | None) -> list[str]:
    """The adapter; of a model of which every weight trained also why, since that costs more and forgets more (R62)."""
    if digest is None or run is None or run.config.get("adapter.kind") != "none":
        return ["adapter", f"`{digest}`" if digest else "none"]
    return ["every weight tuned", f"`{digest}`. Why no adapter: {_plain(run.config['justification'])}"]


def _gate(gate: GateDecision) -> str:
    checks = [
        [_plain(name), OUTCOMES[verdict.outcome], _plain("; ".join(verdict.reasons))]
        for name, verdict in gate.checks.items()
    ]
    reasons = _plain("; ".join(gate.verdict.reasons))
    overall = f"Verdict: {OUTCOMES[gate.verdict.outcome]}. {reasons}"
    return f"{overall}\n\n{_table(['check', 'verdict', 'why'], checks)}"


def _figures(report: Report) -> Iterable[str]:
    yield f"## Figures: {_plain(report.benchmark)}"
    rows = [
        [
            _plain(metric),
            *_figure(figure),
            OUTCOMES[report.verdicts[metric].outcome] if metric in report.verdicts else "-",
        ]
        for metric, figure in report.overall.items()
    ]
    yield _table(["metric", "value", "interval", "n", "verdict"], rows)
    strata = [
        [_plain(stratum), _plain(metric), *_figure(figure)]
        for stratum, figures in report.strata.items()
        for metric, figure in figures.items()
    ]
    if strata:
        yield _table(["stratum", "metric", "value", "interval", "n"], strata)


def _figure(figure: Measurement) -> list[str]:
    interval = f"{figure.low:.3f} to {figure.high:.3f} ({figure.confidence:.0%})"
    return [f"{figure.value:.3f}", interval, str(figure.n)]


def _paired(comparison: Comparison) -> str:
    rows = [
        [
            _plain(one.other), _plain(one.metric), f"{one.difference:+.3f}", f"{one.low:+.3f} to {one.high:+.3f}",
            str(one.n), f"{one.p_value if one.p_holm is None else one.p_holm:.3g}",
        ]
        for one in comparison.differences
    ]  # fmt: skip
    return _table(["other", "metric", "difference", "interval", "n", "p (Holm)"], rows)


def _data(snapshot: Manifest) -> str:
    rows = [
        ["snapshot", f"`{snapshot.digest}`"],
        ["rows", ", ".join(f"{split} {count}" for split, count in sorted(snapshot.splits.items()))],
        ["rows read", str(snapshot.rows_in)],
        ["left out", _counts(snapshot.dropped)],
        ["personal data masked", _counts(snapshot.masked)],
    ]
    return _table(["what", "value"], rows)


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{_plain(reason)} {count}" for reason, count in counted.items()) or "none"


def _known_limits(variant: Variant, reports: Sequence[Report]) -> list[str]:
    found = [f"{report.benchmark}: {warning}" for report in reports for warning in report.warnings]
    found += [f"{report.benchmark}: no row of {stratum}" for report in reports for stratum in report.missing_strata]
    if variant.retrieval is None:
        found.append("it looks nothing up: facts that changed after training or prompting are not known to it")
    return [*found, "figures hold for rows like those of the benchmarks, and for nothing else"]


def _approvals(approval: ApprovalState | None) -> str:
    if approval is None:
        return "Nobody was asked yet."
    rows = [
        [_plain(seat), _plain(given.approver), given.at.isoformat(), _plain(given.reason)]
        for seat, given in approval.filled.items()
    ]
    rows += [[_plain(seat), "waiting", "-", "-"] for seat in approval.waiting_for]
    table = _table(["seat", "approved by", "at", "reason"], rows)
    if approval.rejection is None:
        return table
    no = approval.rejection
    return f"**Rejected** by {_plain(no.approver)}, {no.at.isoformat()}: {_plain(no.reason)}\n\n{table}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {_plain(line)}" for line in lines)


def _plain(text: str) -> str:
    """The text on one line, with nothing in it that Markdown or HTML would take for markup."""
    return " ".join(text.split()).translate(MARKUP)
