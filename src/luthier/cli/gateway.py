"""`luthier gateway`: the data plane alone."""

from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import ProjectOption, SetOption
from luthier.cli.output import log_to_stderr
from luthier.errors import UserError
from luthier.lifecycle.serving.gateway import serve
from luthier.project.environment import Environment
from luthier.project.load import load_project

app = typer.Typer()


@app.command()
def gateway(
    backend: Annotated[
        list[str],
        typer.Option("--backend", metavar="ENGINE=URL", help="Where an engine listens, ending in /v1; repeatable."),
    ],
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Beats `gateway.port`.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes on the port; beats `gateway.workers`.")
    ] = None,
    backend_key_env: Annotated[
        str | None, typer.Option("--backend-key-env", help="Variable that holds the back ends' key.")
    ] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Serve the released variants under the OpenAI surface, in front of back ends that speak it."""
    log_to_stderr()
    environment = Environment.of_process()
    chosen = [*(assignments or ()), *([f"gateway.workers={workers}"] if workers else [])]
    loaded = load_project(project, assignments=chosen, environment=environment)
    backends = dict(_pair(text) for text in backend)
    key = environment.secret(backend_key_env) if backend_key_env else None
    keys = dict.fromkeys(backends, key) if key else {}
    serve(loaded, environment, lambda: opened(project, chosen), backends, keys, port=port)


def _pair(text: str) -> tuple[str, str]:
    name, found, url = text.partition("=")
    if not found or not url.startswith(("http://", "https://")):
        raise UserError(f"{text!r} names no back end", hint="write --backend local=http://127.0.0.1:8001/v1")
    return name, url.rstrip("/")
