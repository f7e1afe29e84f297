"""`luthier train forgetting`: general ability before and after tuning."""

from typing import Annotated

import typer

from luthier.cli.figures import figure
from luthier.cli.opened import ControlOption, ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.evaluate.general.forgetting import Forgetting
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.forgetting import settle_forgetting
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.training import CONTROL


def forgetting(
    variant: Annotated[str, typer.Argument(help="A variant that carries the adapter, e.g. `tuned`.")],
    control: ControlOption = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask a general suite of VARIANT's model without and with its adapter, and say whether it forgot."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        variants = Variants(work, lambda: rows_of(work, "train"))
        chosen = variants.of(variant, run=CONTROL if control else "")
        found = work.fetch(settle_forgetting(work, variants, chosen).digest, Forgetting)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
        return
    rows = [[kind, figure(found.before[kind]), figure(found.after[kind]), str(found.before[kind].n)]
            for kind in found.before]  # fmt: skip
    table(("kind", "before", "after", "n"), rows)
    typer.echo(f"{found.verdict.outcome.replace('_', ' ')}: {'; '.join(found.verdict.reasons)}")
