"""`luthier train curve`: how the loss falls with rows, and what twice the rows would buy."""

from typing import Annotated

import typer

from luthier.cli.opened import ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.curve import settle_learning_curve
from luthier.lifecycle.links.data import rows_of
from luthier.train.lab.learning import SHARES, LearningCurve


def curve(
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    share: Annotated[
        list[float] | None, typer.Option(help="Of the admitted rows; repeatable. 0.1, 0.25, 0.5 and 1.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="Runs on each share; more make the answer surer.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Train on growing parts of the rows and say what twice as many would buy."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        variants = Variants(work, lambda: rows_of(work, "train"))
        settled = settle_learning_curve(work, variants, shares=share or SHARES, seeds=seeds)
        found = work.fetch(settled.digest, LearningCurve)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
    else:
        _show(found)


def _show(found: LearningCurve) -> None:
    metrics = list(dict.fromkeys(name for each in found.runs for name in each.tasks))
    rows = [
        [f"{each.share:.0%}", f"{each.rows:,}", str(each.seed), f"{each.loss:.4f}",
         *(f"{each.tasks[name].value:.3f}" if name in each.tasks else "-" for name in metrics), each.run[:12]]
        for each in found.runs
    ]  # fmt: skip
    table(("share", "rows", "seed", "validation loss", *metrics, "run"), rows)
    if found.law:
        law = found.law
        typer.echo(f"law: {law.floor:.4f} + {law.scale:.4g} x rows^-{law.exponent:.3f}, residual {law.residual:.4f} "
                   f"on {law.degrees} degrees of freedom")  # fmt: skip
    typer.echo(found.sentence)
