"""`luthier gateway`: the data plane alone."""

from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import ProjectOption, SetOption
from luthier.cli.output import log_to_stderr
from luthier.errors import UserError
from luthier.lifecycle.serving.gateway import serve

app = typer.Typer()


@app.command()
def gateway(
    backend: Annotated[
        list[str],
        typer.Option("--backend", metavar="ENGINE=URL", help="Where an engine listens, ending in /v1; repeatable."),
    ],
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Beats `gateway.port`.")] = None,
    backend_key_env: Annotated[
        str | None, typer.Option("--backend-key-env", help="Variable that holds the back ends' key.")
    ] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Serve the released variants under the OpenAI surface, in front of back ends that speak it."""
    log_to_stderr()
    with opened(project, assignments) as work:
        backends = dict(_pair(text) for text in backend)
        key = work.environment.secret(backend_key_env) if backend_key_env else None
        serve(work, backends, dict.fromkeys(backends, key) if key else {}, port=port)


def _pair(text: str) -> tuple[str, str]:
    name, found, url = text.partition("=")
    if not found or not url.startswith(("http://", "https://")):
        raise UserError(f"{text!r} names no back end", hint="write --backend local=http://127.0.0.1:8001/v1")
    return name, url.rstrip("/")
