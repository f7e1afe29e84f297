"""`luthier train ladder`: from the cheapest way to tune upwards, as far as the gate asks."""

from collections.abc import Sequence
from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.errors import UnknownName
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.ladder import Climb, climb, require_enough
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.release import candidate
from luthier.train.lab.ladder import MEANT, RUNGS, Rung


def ladder(
    variant: Annotated[str | None, typer.Argument(help="A variant that carries the adapter; the candidate.")] = None,
    rung: Annotated[
        list[str] | None, typer.Option(help="A rung to use, cheapest first whatever the order; repeatable. All.")
    ] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the cheapest rung and climb only where the gate fails it; waits (3) for a justification of the last one."""
    with opened(project, assignments, as_json=as_json) as work, work.alone():
        variants = Variants(work, lambda: rows_of(work, "train"))
        found = climb(work, variants, variant or candidate(work), rungs=_rungs(rung or RUNGS))
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
    else:
        _show(found)
    require_enough(found)


def _rungs(names: Sequence[str]) -> tuple[Rung, ...]:
    if unknown := [name for name in names if name not in RUNGS]:
        raise UnknownName("rung", unknown[0], RUNGS)
    return tuple(rung for rung in RUNGS if rung in names)


def _show(found: Climb) -> None:
    rows = [
        [each.rung, MEANT[each.rung], each.verdict.outcome.replace("_", " "), each.verdict.reasons[0], each.run[:12]]
        for each in found.state.tried
    ]
    if rows:
        table(("rung", "trains", "gate", "why", "run"), rows)
    typer.echo(found.command.reason)
