"""`luthier evaluate`: a variant measured on the project's benchmarks."""

from typing import Annotated

import typer

from luthier.cli.evaluate_judges import judge, license_judge
from luthier.cli.opened import ControlOption, ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.domain.reports import Report
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.evaluation import reports_of, settle_report
from luthier.lifecycle.links.training import CONTROL

app = typer.Typer(no_args_is_help=True)
app.command("license-judge")(license_judge)
app.command("judge")(judge)


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
