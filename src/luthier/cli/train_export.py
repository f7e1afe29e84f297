"""`luthier train export`: a tuning run for other tools."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args

import typer

from luthier.cli.opened import ControlOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.exporting import Form, Order
from luthier.lifecycle.exporting import export as export_run
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.training import CONTROL


class Precision(StrEnum):
    """What weights are written in."""

    FP32 = "fp32"
    BF16 = "bf16"


FormName = StrEnum("FormName", {name.upper(): name for name in get_args(Form)})  # type: ignore[misc]


def export(
    out: Annotated[Path, typer.Option(help="The folder, or the .gguf file, to be made.")],
    form: Annotated[FormName, typer.Option("--format", help="What to write.")],
    control: ControlOption = False,
    precision: Annotated[Precision, typer.Option(help="Of merged and GGUF weights; bf16 halves and rounds.")] = (
        Precision.FP32
    ),
    token_ids_only: Annotated[
        bool, typer.Option("--token-ids-only", help="Write a GGUF though llama.cpp cuts text otherwise.")
    ] = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the last tuning run as an adapter with its card, a merged model, a GGUF file, or for another trainer."""
    order = Order(
        form=form.value,  # type: ignore[arg-type]  # the members of FormName are those of Form
        target=out.resolve(), run=CONTROL if control else "", precision=precision.value,
        token_ids_only=token_ids_only,
    )  # fmt: skip
    with opened(project, assignments, as_json=as_json) as work:
        files = export_run(work, Variants(work, lambda: rows_of(work, "train")), order)
    show({"out": str(out), "files": files} if as_json else files, as_json=as_json)
