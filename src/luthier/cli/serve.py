"""`luthier serve`: engine and gateway of a project, watched."""

from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import ProjectOption, SetOption
from luthier.cli.output import log_to_stderr
from luthier.lifecycle.serving.supervisor import run

app = typer.Typer()


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Beats `gateway.port`.")] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Start the engine and the gateway, and start again whatever ends by itself."""
    log_to_stderr()
    with opened(project, assignments) as work:
        run(work, gateway_port=port)
