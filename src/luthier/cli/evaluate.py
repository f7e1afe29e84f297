"""`luthier evaluate`: a variant measured on the project's benchmarks."""

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.opened import ControlOption, ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.domain.reports import Report
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.contest import Contest, contests
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.evaluation import reports_of, settle_report
from luthier.lifecycle.links.training import CONTROL
from luthier.lifecycle.report.contest import write_contest

app = typer.Typer(no_args_is_help=True)


@app.callback()
def evaluate() -> None:
    """Measure variants, and show what was measured."""


@app.command()
def run(
    variant: Annotated[str, typer.Argument(help="A variant of the project file, e.g. `tuned`.")],
    control: ControlOption = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure VARIANT on every benchmark and keep the reports."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        variants = Variants(work, lambda: rows_of(work, "train"))
        label = CONTROL if control else ""
        chosen = variants.of(variant, run=label)
        for benchmark in work.config.evaluation.benchmarks:
            digest = settle_report(work, variants, chosen, benchmark, label=label).digest
            if as_json:
                show(work.fetch(digest, Report).model_dump(mode="json"), as_json=True)


@app.command("show")
def show_reports(
    variant: Annotated[str, typer.Argument(help="A variant that was measured.")],
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print VARIANT's figures, overall and per stratum."""
    with opened(project, assignments, as_json=True) as work:
        reports = reports_of(work, variant)
    if as_json:
        show([report.model_dump(mode="json") for report in reports], as_json=True)
        return
    for report in reports:
        rows: list[dict[str, str | float]] = [
            {"stratum": stratum, "metric": name, "value": round(figure.value, 4), "low": round(figure.low, 4),
             "high": round(figure.high, 4), "n": figure.n}
            for stratum, figures in {"all": report.overall, **report.strata}.items()
            for name, figure in figures.items()
        ]  # fmt: skip
        show(rows, as_json=False)
        for warning in report.warnings:
            show(f"warning: {warning}", as_json=False)


@app.command()
def compare(
    one: Annotated[str, typer.Argument(metavar="A", help="A variant that was measured.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    benchmark: Annotated[str | None, typer.Option("--benchmark", help="One benchmark only.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to.", show_default="`report` in the project's home")
    ] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set A against B row by row, and write the comparison as HTML, Markdown, JSON and JUnit XML."""
    with opened(project, assignments, as_json=True) as work:
        found = contests(work, one, other, benchmark)
        files = write_contest(found, out or work.home / "report", work.clock())
    paths = {form: str(path) for form, path in files.items()}
    if as_json:
        kept = [each.model_dump(mode="json", exclude={"one", "other", "parted"}) for each in found]
        show({"files": paths, "contests": kept}, as_json=True)
        return
    for each in found:
        show(_difference_rows(each), as_json=False)
        for line in each.visible:
            show(line, as_json=False)
    for form, path in paths.items():
        show(f"{form}: {path}", as_json=False)


def _difference_rows(found: Contest) -> list[dict[str, str | float]]:
    return [
        {"benchmark": found.benchmark, "metric": pair.metric, "gain": round(pair.gain[0], 4),
         "low": round(pair.gain[1], 4), "high": round(pair.gain[2], 4), "p": float(f"{pair.p_value:.3g}"),
         "p_holm": float(f"{pair.p_holm or pair.p_value:.3g}"), "n": pair.n, "verdict": verdict.outcome,
         "rows_needed": verdict.rows_needed or 0}
        for pair, verdict in zip(found.differences, found.verdicts, strict=True)
    ]  # fmt: skip
