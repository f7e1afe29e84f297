"""Variants measured on benchmarks: answers gathered, reports kept, and set against each other."""

import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from luthier.data.card import DataCard
from luthier.domain.answers import Answer
from luthier.domain.digests import digest_of
from luthier.domain.examples import Message
from luthier.domain.reports import Comparison, Report
from luthier.domain.snapshots import GoldSet
from luthier.domain.variants import Variant
from luthier.evaluate.compare import best_baseline, compare
from luthier.evaluate.config import BenchmarkConfig
from luthier.evaluate.foresight import in_short
from luthier.evaluate.stage import VERSION, run
from luthier.lifecycle.answer_log import AnswerLog
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.data import benchmark_rows
from luthier.lifecycle.prompts import record_prompt
from luthier.lifecycle.spending import spend
from luthier.lifecycle.withdrawn import withdrawn_gold_rows
from luthier.lifecycle.workspace import Settled, Workspace

LIBRARIES = ("numpy", "scipy", "jsonschema")
COMPARISON_VERSION = 2


class _Ports:
    def __init__(self, work: Workspace, variants: Variants, label: str) -> None:
        self._work, self._variants, self.label = work, variants, label
        self.logs: dict[str, AnswerLog] = {}

    def answer(self, variant: Variant, questions: Sequence[tuple[Message, ...]]) -> Sequence[Answer]:
        log = self.logs.setdefault(variant.digest, AnswerLog(_log_file(self._work, variant)))
        return log.answer(questions, lambda asked, told: self._variants.answer(variant, asked, told))

    def passages(self, variant: Variant, ids: Sequence[str]) -> Sequence[str]:
        return self._variants.passages(variant, ids)

    def progress(self, done: int, of: int) -> None:
        self._work.voice.progress(self.label, done, of)


def report_name(variant: str, benchmark: BenchmarkConfig, *, label: str = "") -> str:
    """How a report is called in the chain: `tuned/task_accuracy`, or `tuned@control/task_accuracy`."""
    return f"{variant}{'@' + label if label else ''}/{benchmark.name}"


def settle_report(
    work: Workspace, variants: Variants, variant: Variant, benchmark: BenchmarkConfig, *, label: str = ""
) -> Settled:
    """The report of one variant on one benchmark; measured again only when either has changed."""
    gold = benchmark_rows(work, benchmark.dataset)
    name = report_name(variant.name, benchmark, label=label)
    ports = _Ports(work, variants, name)
    settled = work.settle(
        "evaluate",
        name,
        version_number=VERSION,
        section=benchmark.model_dump(mode="json"),
        inputs={"variant": variant.digest, "gold": gold.digest, "tools": _tools_digest(work)},
        libraries=LIBRARIES,
        perform=lambda: _perform(work, ports, variant, benchmark, gold),
    )
    record_prompt(work, variant, name, settled.digest)
    for log in ports.logs.values():  # kept until the report is: what was paid for is in one of them
        log.forget()
    return settled


def _log_file(work: Workspace, variant: Variant) -> Path:
    return work.home / "work" / "answers" / f"{digest_of([variant.digest, _tools_digest(work)])}.jsonl"


def reports_of(work: Workspace, variant: str, *, label: str = "") -> list[Report]:
    """The last report of a variant on every benchmark; Refused when one is missing."""
    benchmarks = work.config.evaluation.benchmarks
    digests = [work.require("evaluate", report_name(variant, each, label=label)) for each in benchmarks]
    return [work.fetch(digest, Report) for digest in digests]


def baseline_names(work: Workspace) -> list[str]:
    """The variants without an adapter: what a tuned one has to beat."""
    return [name for name, section in work.config.variants.items() if section.adapter is None]


def baseline_reports(work: Workspace) -> dict[str, Report]:
    """Name -> report on the first benchmark, of every baseline that was measured."""
    benchmark = work.config.evaluation.benchmarks[0]
    kept = {name: work.latest("evaluate", report_name(name, benchmark)) for name in baseline_names(work)}
    return {name: work.fetch(digest, Report) for name, digest in kept.items() if digest is not None}


def settle_comparison(work: Workspace, report: Report, *, label: str = "") -> Settled:
    """The report against every other variant measured on the same benchmark, row by row."""
    benchmark = next(each for each in work.config.evaluation.benchmarks if each.name == report.benchmark)
    names = [name for name in work.config.variants if name != report.variant or label]
    kept = {name: work.latest("evaluate", report_name(name, benchmark)) for name in names}
    digests = {name: digest for name, digest in kept.items() if digest is not None}
    return work.settle(
        "compare",
        report_name(report.variant, benchmark, label=label),
        version_number=COMPARISON_VERSION,
        section=list(benchmark.measured),
        inputs={"report": report.digest, **digests},
        libraries=("numpy", "scipy"),
        perform=lambda: _compare(work, report, [work.fetch(each, Report) for each in digests.values()], benchmark),
    )


def best_baseline_of(work: Workspace, metric: str) -> Report:
    """The strongest variant without an adapter on one metric."""
    return best_baseline(list(baseline_reports(work).values()), metric)


def _perform(work: Workspace, ports: _Ports, variant: Variant, benchmark: BenchmarkConfig, gold: GoldSet) -> str:
    began = time.monotonic()
    work.voice.say(in_short(benchmark, len(gold.examples), _measured_on(work, benchmark, gold)))
    expected = _expected_strata(work, benchmark)
    measured = run(ports, benchmark, variant, gold, work.tools, expected_strata=expected)
    lost = withdrawn_gold_rows(work) if benchmark.dataset == "gold" else 0
    said = (f"{lost} rows of the gold set were withdrawn; figures are those of the rows that remain",) if lost else ()
    measured = measured.model_copy(update={"warnings": (*measured.warnings, *said)})
    report = measured.model_copy(update={"seconds": time.monotonic() - began})  # answers overlap: wall time is the cost
    name = ports.label
    parents = [digest for digest in (variant.adapter, work.latest("data", "gold")) if digest]
    digest = work.keep(report, kind="report", parents=parents)
    spend(work, "evaluation", name, seconds=Decimal(str(round(report.seconds, 3))), paid=report.cost)
    figures = ", ".join(
        f"{figure.metric} {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
        for figure in report.overall.values()
    )
    work.voice.say(f"{name}: {figures} (n = {len(report.cases)})")
    return digest


def _measured_on(work: Workspace, benchmark: BenchmarkConfig, gold: GoldSet) -> list[Report]:
    """The reports there are on these rows: what they show of how variants differ."""
    digests = [work.latest("evaluate", report_name(name, benchmark)) for name in work.config.variants]
    reports = [work.fetch(digest, Report) for digest in digests if digest is not None]
    return [report for report in reports if report.gold == gold.digest]


def _expected_strata(work: Workspace, benchmark: BenchmarkConfig) -> list[str]:
    """Every `key=value` that any split of the project's data holds: a benchmark without it is told so."""
    digest = work.latest("data", "card")
    strata = work.fetch(digest, DataCard).strata if digest is not None else {}
    return [name for name in strata if name.partition("=")[0] in benchmark.stratify_by]


def _compare(work: Workspace, report: Report, others: Sequence[Report], benchmark: BenchmarkConfig) -> str:
    seed = work.config.data.seed
    metrics = [name for name in benchmark.measured if all(name in each.overall for each in (report, *others))]
    found: Comparison = compare(report, others, metrics, seed)
    return work.keep(found, kind="comparison", parents=[report.digest, *(other.digest for other in others)])


def _tools_digest(work: Workspace) -> str:
    return digest_of([tool.model_dump(mode="json") for tool in work.tools])
