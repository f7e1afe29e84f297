"""`luthier data synthesize`: rows that a model writes, for people to review."""

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import Shown, show
from luthier.lifecycle.synthesis import synthesize as write_rows


def synthesize(
    count: Annotated[int, typer.Option("--count", min=1, max=100_000, help="Valid rows wanted.")],
    model: Annotated[str, typer.Option("--model", help="A model of the project file that writes them.")],
    out: Annotated[Path, typer.Option("--out", help="A new JSONL file.")] = Path("synthetic.jsonl"),
    seed: Annotated[int, typer.Option(help="Decides seeds and sampling.")] = 0,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a model write rows from the strata and rows of the snapshot; what the validators leave becomes a file."""
    with opened(project, assignments, as_json=as_json) as work, work.alone():
        target = out if out.is_absolute() else work.loaded.folder / out
        made = write_rows(work, model, count, target, seed=seed)
    told: dict[str, Shown] = {
        "file": str(target),
        "wanted": count,
        "kept": len(made.rows),
        "asked": made.asked,
        "rejected": dict(made.rejected),
        "cost": f"{made.cost.amount} {made.cost.currency}",
    }
    show(told, as_json=as_json)
    if not as_json:
        show(f"to use it: sources: [{{path: {out}, format: chat, synthetic: true, lawful_basis: ...}}]", as_json=False)
