"""`luthier costs`: what was spent, and what it comes to per task solved."""

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.domain.money import Money
from luthier.lifecycle.accounts import cost_report

app = typer.Typer(no_args_is_help=True)


@app.callback()
def costs() -> None:
    """Show what the project has cost, and each variant per task solved."""


@app.command("show")
def show_costs(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print the sums per bucket and each variant's cost per answer and per solved task."""
    with opened(project, assignments, as_json=True) as work:
        found = cost_report(work)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    for kind, buckets in (("build", found.build), ("running", found.running)):
        for bucket, amount in buckets.items():
            show(f"{kind}, {bucket}: {amount.currency} {amount.amount}", as_json=False)
    show(f"build in all: {found.build_total.currency} {found.build_total.amount}", as_json=False)
    rows: list[dict[str, str | int]] = [
        {
            "variant": each.variant,
            "solved": each.solved.hits or 0,
            "of": each.solved.n,
            "per answer": str(each.per_answer.amount),
            "per solved task": str(each.per_solved.amount) if each.per_solved else "-",
            "95% interval": f"{each.per_solved_low.amount} to {_end(each.per_solved_high)}",
            "currency": each.total.currency,
        }
        for each in found.variants
    ]
    if rows:
        show(rows, as_json=False)
    for note in found.notes:
        show(f"note: {note}", as_json=False)


def _end(high: Money | None) -> str:
    return str(high.amount) if high else "no end"
