"""`luthier train plan`: what a run would need, take and cost, before anything is spent."""

from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.planning import Asked, plan_training
from luthier.train.plan.memory import GIB
from luthier.train.plan.planning import require_a_place
from luthier.train.plan.types import Placement, TrainingPlan

COLUMNS = ("hardware", "fits", "needs GiB", "has GiB", "hours", "price")
KINDS = {"lora": "LoRA", "dora": "DoRA", "qlora": "LoRA on 4-bit weights", "none": "every weight"}


def plan(
    project: ProjectOption = None,
    assignments: SetOption = None,
    model: Annotated[str | None, typer.Option(help="Another model's config.json, or its folder.")] = None,
    hardware: Annotated[list[str] | None, typer.Option(help="A machine to plan for; repeatable. All of them.")] = None,
    devices: Annotated[int, typer.Option(min=1, help="How many of them.")] = 1,
    shard: Annotated[bool, typer.Option("--shard", help="Devices share the weights (FSDP).")] = False,
    tokens: Annotated[int | None, typer.Option(min=1, help="Of one epoch, in place of counting rows.")] = None,
    longest: Annotated[int | None, typer.Option(min=1, help="Tokens of the longest conversation.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the next run would train, need, take and cost; refuses (3) when it fits on nothing asked about."""
    asked = Asked(
        model=model, hardware=tuple(hardware or ()), devices=devices, is_sharded=shard,
         tokens=tokens, longest=longest,
    )  # fmt: skip
    with opened(project, assignments, as_json=as_json) as work:
        found = plan_training(work, Variants(work, lambda: rows_of(work, "train")), asked)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
    else:
        _show(found)
    require_a_place(found)


def _show(found: TrainingPlan) -> None:
    share = found.trainable_parameters / found.total_parameters
    first = found.placements[0]
    lines = {
        "model": f"{found.model} ({found.family}, {found.total_parameters:,} parameters)",
        "trains": f"{found.trainable_parameters:,} parameters ({share:.2%}), {KINDS[first.tuning.kind]}",
        "tokens": f"{found.work.training_tokens:,} x {found.work.epochs} epochs, {found.work.counted_by}"
        if found.work
        else None,
    }
    show(lines, as_json=False)
    table(COLUMNS, [_row(each) for each in found.placements])
    names = list(dict(first.need))
    components = [[each.hardware, *(f"{getattr(each.need, name) / GIB:.2f}" for name in names)]
                  for each in found.placements]  # fmt: skip
    table(("GiB", *names), components)
    for each in found.placements:
        if each.price is not None:
            typer.echo(f"{each.hardware}: price of {each.price_as_of}, {each.source}")
        said = [*each.warnings, *(f"would fit: {what}" for what in each.would_fit)]
        for line in said:
            typer.echo(f"{each.hardware}: {line}")
    for note in found.notes:
        typer.echo(f"note: {note}")


def _row(each: Placement) -> list[str]:
    name = each.hardware if each.devices == 1 else f"{each.devices} x {each.hardware}"
    hours = "-" if each.hours is None else f"{each.hours:.2f}"
    return [
        name, "yes" if each.fits else "no", f"{each.need.total / GIB:.1f}", f"{each.has_bytes / GIB:.1f}", hours,
        "-" if each.price is None else str(each.price),
    ]  # fmt: skip
