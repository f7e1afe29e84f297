"""Reports turned into what a reader asks of a variant: figures, doubt, seconds and money."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from luthier.costs.types import CostReport
from luthier.domain.compare import PairedDifference
from luthier.domain.reports import Comparison, Report
from luthier.lifecycle.links.evaluation import report_name
from luthier.lifecycle.report.facts import Latency, VariantFacts, VariantKind, VariantStep
from luthier.lifecycle.workspace import Workspace
from luthier.project.config import ProjectConfig


def variant_facts(config: ProjectConfig, name: str, report: Report, costs: CostReport | None) -> VariantFacts:
    """One variant's report without its cases: no text of any row goes further."""
    cost = next((each for each in costs.variants if each.variant == name), None) if costs else None
    return VariantFacts(
        name=name,
        kind=_kind(config, name),
        step=_step(config, name.partition("@")[0]),
        made_of=_made_of(config, name.partition("@")[0]),
        report=report.digest,
        overall=report.overall,
        verdicts=report.verdicts,
        strata=report.strata,
        missing_strata=report.missing_strata,
        warnings=report.warnings,
        faults=Counter(case.fault for case in report.cases if case.fault),
        latency=latency([case.answer.latency_seconds for case in report.cases]),
        cost=cost,
    )


def latency(seconds: Sequence[float]) -> Latency | None:
    """Median and 95th percentile, or None where nothing was timed."""
    if not seconds:
        return None
    median, p95 = (float(figure) for figure in np.percentile(seconds, [50, 95]))
    return Latency(median_seconds=median, p95_seconds=p95, n=len(seconds))


def differences_of(work: Workspace, labels: Sequence[str]) -> tuple[PairedDifference, ...]:
    """Every paired difference on the first benchmark; those of a labelled run carry its label in their name."""
    benchmark = work.config.evaluation.benchmarks[0]
    found: list[PairedDifference] = []
    for label in labels:
        for name in work.config.variants:
            digest = work.latest("compare", report_name(name, benchmark, label=label))
            pairs = work.fetch(digest, Comparison).differences if digest else ()
            called = f"{name}@{label}" if label else name
            found += [pair.model_copy(update={"variant": called}) for pair in pairs]
    return tuple(found)


def _kind(config: ProjectConfig, name: str) -> VariantKind:
    if "@" in name:
        return "control"
    return "tuned" if config.variants[name].adapter else "baseline"


def _step(config: ProjectConfig, name: str) -> VariantStep | None:
    section = config.variants[name]
    if section.adapter:
        return "tune"
    if config.models[section.model].engine in {"nearest", "recorded"}:
        return None
    return "retrieve" if section.retrieval else "prompt"


def _made_of(config: ProjectConfig, name: str) -> str:
    section = config.variants[name]
    model = config.models[section.model]
    parts = [f"{model.id} ({model.engine})"]
    if section.adapter:
        is_whole = config.train.adapter.kind == "none"
        parts.append("every weight tuned here" if is_whole else "adapter trained here")
    if section.retrieval:
        parts.append(f"{config.retrieval[section.retrieval].top_k} passages of {section.retrieval}")
    if section.examples:
        chosen = "" if section.choose == "random" else f" {section.choose}"
        parts.append(f"{section.examples}{chosen} worked examples")
    return ", ".join(parts)
