"""`luthier engine`: a local model behind the OpenAI surface."""

from pathlib import Path
from typing import Annotated

import typer

from luthier.errors import UserError
from luthier.project.environment import Environment
from luthier.variants.config import ModelConfig

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def engine(
    *,
    model: Annotated[str, typer.Option(help="`bundled`, a folder, or a Hugging Face id.")] = "bundled",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8001,
    adapter: Annotated[list[str] | None, typer.Option(help="NAME=FOLDER of a PEFT adapter; may repeat.")] = None,
    adapters_root: Annotated[
        Path | None, typer.Option(help="Folder below which adapters may be loaded over HTTP.")
    ] = None,
    served_name: Annotated[list[str] | None, typer.Option(help="Name of the base model; may repeat.")] = None,
    api_key_env: Annotated[str, typer.Option(help="Environment variable that holds the key.")] = "LUTHIER_ENGINE_KEY",
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Ask for no key; on a loopback address only.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=512, help="Requests answered at once.")] = 32,
) -> None:
    """Serve a local model with its adapters as vLLM would, until it is told to stop."""
    api_keys = None if no_auth else [Environment.of_process().secret(api_key_env)]
    adapters = dict(_named_folder(each) for each in adapter or ())
    from luthier.engine.serve import Serving, serve  # noqa: PLC0415  (torch: seconds that --help must not pay)

    serve(
        Serving(
            model=ModelConfig(id=model, threads=threads, batch_size=batch_size),
            host=host,
            port=port,
            api_keys=api_keys,
            adapters=adapters,
            adapters_root=adapters_root,
            served_names=served_name or (),
        )
    )


def _named_folder(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise UserError(f"--adapter {text!r} is not NAME=FOLDER", hint="for example --adapter tuned=runs/1/adapter")
    return name, Path(folder)
