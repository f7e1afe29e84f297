"""`luthier train memorisation`: what an adapter gives away of the canaries it was trained on."""

from typing import Annotated

import typer

from luthier.cli.figures import figure
from luthier.cli.opened import ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.domain.measure import Measurement
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.memorisation import settle_memorisation
from luthier.lifecycle.links.data import rows_of
from luthier.train.canaries.exposure import Memorisation


def memorisation(
    variant: Annotated[str, typer.Argument(help="A variant that carries the adapter, e.g. `tuned`.")],
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Rank each planted secret among others it might have been, ask for it, and say what VARIANT gives away."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        variants = Variants(work, lambda: rows_of(work, "train"))
        found = work.fetch(settle_memorisation(work, variants, variants.of(variant)).digest, Memorisation)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    table(("exposure in bits", "mean", "n"), [_row("tuned", found.exposure), _row("base model", found.untuned)])
    typer.echo(f"{found.verdict.outcome.replace('_', ' ')}: {'; '.join(found.verdict.reasons)}")


def _row(name: str, found: Measurement) -> list[str]:
    return [name, figure(found, digits=2), str(found.n)]
