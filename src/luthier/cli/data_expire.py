"""`luthier data expire`: rows whose time is over."""

from typing import Annotated

import typer

from luthier.cli.opened import opened, signed_in
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.lifecycle.expiry import Expiry, list_expired
from luthier.lifecycle.expiry import expire as erase_rows


def expire(
    only_list: Annotated[bool, typer.Option("--list", help="Print how many rows it is and change nothing.")] = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase rows past their `retention_days` from the gold set and all snapshots, as the holder of LUTHIER_KEY."""
    with opened(project, assignments, as_json=as_json) as work:
        if only_list:
            found = list_expired(work)
        else:
            with work.alone():
                found = erase_rows(work, by=signed_in(work))
    show(found.model_dump(mode="json") if as_json else _told(found), as_json=as_json)


def _told(found: Expiry) -> str:
    if not found.rows:
        return f"no row that is kept is past its retention on {found.on}"
    rows = ", ".join(f"{count} of {source}" for source, count in found.rows.items())
    if found.erased is None:
        return f"past their retention on {found.on}: {rows}; luthier data expire erases them"
    counts = {name.replace("_", " "): count for name, count in found.erased.model_dump().items() if count}
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"past their retention on {found.on}: {rows}; erased {told}\nto do: luthier data build, then luthier run"
