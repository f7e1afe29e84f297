"""`luthier data`: from sources to a frozen snapshot."""

import typer

from luthier.cli.data_inspect import inspect
from luthier.cli.opened import ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.data.card import DataCard
from luthier.domain.snapshots import Manifest
from luthier.lifecycle.links.data import settle_data

app = typer.Typer(no_args_is_help=True)
app.command()(inspect)


@app.callback()
def data() -> None:
    """Build snapshots and show what they hold."""


@app.command()
def build(
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read, clean, mask, de-duplicate, check, split and freeze; refuses leaks and contradictions by name."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        settled = settle_data(work)
        if as_json:
            manifest = work.fetch(settled.digest, Manifest)
            counts = {
                split: sum(row.split == split for row in manifest.rows) for split in ("train", "validation", "test")
            }
            show(
                {"snapshot": settled.digest, "gold": manifest.gold, "rows": counts, "dropped": dict(manifest.dropped)},
                as_json=True,
            )


@app.command()
def card(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print the data card of the current snapshot."""
    with opened(project, assignments, as_json=True) as work:
        found = work.fetch(work.require("data", "card"), DataCard)
    show(found.model_dump(mode="json") if as_json else found.markdown(), as_json=as_json)
