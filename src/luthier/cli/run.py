"""`luthier run`: the chain of evidence, as far as it goes today."""

from typing import Annotated

import typer

from luthier.cli.opened import ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.lifecycle.chain import walk
from luthier.lifecycle.status import status

app = typer.Typer()


@app.command()
def run(
    project: ProjectOption = None,
    assignments: SetOption = None,
    until: Annotated[str | None, typer.Option("--until", metavar="LINK", help="Stop after this link.")] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring every link of the chain up to date; skip what is done, stop at what needs a person."""
    with opened(project, assignments, as_json=as_json, force=force) as work:
        walk(work, until=until)
        if as_json:
            show(status(work).model_dump(mode="json"), as_json=True)
