"""Options that mean the same in every command."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ProjectOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--project", help="The project's folder or file.", show_default="nearest luthier.yaml upwards"),
]
SetOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A value that beats the file, e.g. `train.epochs=2`; repeatable."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
