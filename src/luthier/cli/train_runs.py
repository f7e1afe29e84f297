"""`luthier train runs`: the run table."""

from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import Shown, show, table
from luthier.domain.runs import TrainingRun
from luthier.lifecycle.lab.runs import RunEntry, find_run, name_run, require_record, run_table
from luthier.train.lab.comparing import Clause, compare_runs

runs = typer.Typer(no_args_is_help=True, help="List, compare and name training runs.")
RunArgument = Annotated[str, typer.Argument(help="A number, an alias, a name, or the beginning of a digest.")]
COLUMNS = ("run", "name", "alias", "when", "state", "validation loss", "step kept", "stopped", "seconds", "cost")


@runs.command("list")
def list_runs(
    project: ProjectOption = None,
    assignments: SetOption = None,
    where: Annotated[
        list[str] | None, typer.Option(help="A condition, such as adapter.rank=16 or seconds<60; repeatable.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs, or those that fulfil every condition."""
    clauses = [Clause.parse(text) for text in where or ()]
    with opened(project, assignments, as_json=as_json) as work:
        entries = run_table(work, clauses)
    if as_json:
        show([_json(entry) for entry in entries], as_json=True)
    else:
        table(COLUMNS, [_line(entry) for entry in entries])


@runs.command("show")
def show_run(
    run: RunArgument, project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False
) -> None:
    """Show a run: its settings, its figures, and whether it learned its rows by heart."""
    with opened(project, assignments, as_json=as_json) as work:
        entry = find_run(work, run)
    if as_json:
        show(_json(entry), as_json=True)
        return
    show(_summary(entry), as_json=False)
    if entry.run:
        table(("setting", "value"), [[name, value] for name, value in sorted(entry.run.config.items())])


@runs.command("compare")
def compare(
    first: RunArgument,
    second: RunArgument,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the settings in which two runs differ, and the figures of both."""
    with opened(project, assignments, as_json=as_json) as work:
        found = compare_runs(*(require_record(find_run(work, wanted)) for wanted in (first, second)))
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    settings = [[each.setting, each.first or "-", each.second or "-"] for each in found.settings]
    table(("setting", first, second), settings)
    figures = [[each.figure, *(_figure(v) for v in (each.first, each.second, each.change))] for each in found.figures]
    table(("figure", first, second, "change"), figures)
    for note in found.notes:
        typer.echo(f"note: {note}")


@runs.command("name")
def name(
    run: RunArgument,
    alias: Annotated[str, typer.Argument(help="The name to give it; it leaves whatever run had it.")],
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a run a name to find it by."""
    with opened(project, assignments, as_json=as_json) as work:
        entry = name_run(work, run, alias)
    show(_json(entry) if as_json else f"run {entry.number} is {alias} now", as_json=as_json)


def _json(entry: RunEntry) -> Shown:
    flag = entry.overfitting
    kept: dict[str, Shown] = entry.model_dump(mode="json")
    kept["overfitting"] = flag.model_dump(mode="json") if flag else None
    return kept


def _line(entry: RunEntry) -> list[str]:
    head = [str(entry.number), entry.name, ", ".join(entry.aliases) or "-", f"{entry.at:%Y-%m-%d %H:%M}", entry.state]
    run = entry.run
    if run is None:
        return [*head, "-", "-", entry.reason, "-", "-"]
    loss = "-" if run.best_validation_loss is None else f"{run.best_validation_loss:.4f}"
    return [*head, loss, str(run.best_step), run.stopped_because, f"{run.seconds:.1f}", str(run.cost)]


def _summary(entry: RunEntry) -> dict[str, Shown]:
    head: dict[str, Shown] = {
        "run": entry.number, "name": entry.name, "aliases": ", ".join(entry.aliases) or None, "state": entry.state,
        "when": f"{entry.at:%Y-%m-%d %H:%M:%S}", "record": entry.record, "reason": entry.reason or None,
    }  # fmt: skip
    return head if entry.run is None else {**head, **_figures(entry, entry.run)}


def _figures(entry: RunEntry, run: TrainingRun) -> dict[str, Shown]:
    flag = entry.overfitting
    tasks: dict[str, Shown] = {
        each.metric: f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f}, n = {each.n})"
        for each in run.tasks.values()
    }
    return {
        "method": run.method, "snapshot": run.snapshot, "rows": run.rows, "tokens seen": run.tokens_seen,
        "stopped because": run.stopped_because, "best step": run.best_step,
        "best validation loss": "-" if run.best_validation_loss is None else f"{run.best_validation_loss:.4f}", **tasks,
        "overfitting": f"{flag.outcome.replace('_', ' ')}: {'; '.join(flag.reasons)}" if flag else None,
        "seconds": round(run.seconds, 1), "cost": str(run.cost), "adapter": run.adapter,
        "left out": ", ".join(f"{count} {reason}" for reason, count in run.left_out.items()) or "none",
        **{f"chosen: {what}": why for what, why in run.choices.items()},
    }  # fmt: skip


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
