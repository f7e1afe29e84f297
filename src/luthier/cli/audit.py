"""`luthier audit`: who did what, and whether the record is whole."""

from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.errors import Tampered
from luthier.lifecycle.withdrawn import erasures_nobody_asked_for
from luthier.store import ChainHead

app = typer.Typer(no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Read the audit log and check its chain."""


@app.command()
def log(
    last: Annotated[int, typer.Option(min=1, help="How many entries, newest last.")] = 50,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the last entries."""
    with opened(project, assignments, as_json=True) as work:
        entries = work.store.audit.entries()[-last:]
    if as_json:
        show([entry.model_dump(mode="json") for entry in entries], as_json=True)
        return
    show(
        [
            {
                "seq": entry.seq,
                "at": f"{entry.at:%Y-%m-%d %H:%M}",
                "actor": entry.actor,
                "action": entry.action,
                "subject": entry.subject,
            }
            for entry in entries
        ],
        as_json=False,
    )


@app.command()
def verify(
    anchor: Annotated[
        str | None,
        typer.Option("--anchor", metavar="SEQ:HASH", help="A head noted earlier, which must still be there."),
    ] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check audit log, ledger and artifacts; exit code 3 names the first entry that was edited or removed."""
    with opened(project, assignments, as_json=True) as work:
        checks = {"audit log": work.store.audit.verify(_head(anchor)), "ledger": work.store.ledger.verify()}
        broken = work.store.artifacts.verify()
        unasked = erasures_nobody_asked_for(work)
        head = work.store.audit.head()
    faults = [f"{name}: {check.reason}" for name, check in checks.items() if not check.is_intact]
    faults += [f"artifact {digest[:12]} has changed or is gone" for digest in broken]
    faults += [
        f"artifact {digest[:12]} is recorded as erased, and the audit log knows of no such erasure"
        for digest in unasked
    ]
    if faults:
        raise Tampered("; ".join(faults), hint="restore the database and artifacts from a backup")
    show({"audit entries": head.seq, "head": f"{head.seq}:{head.hash}", "whole": True}, as_json=as_json)


def _head(text: str | None) -> ChainHead | None:
    if text is None:
        return None
    seq, _, digest = text.partition(":")
    if not seq.isdigit() or not digest:
        raise typer.BadParameter("write an anchor as SEQ:HASH, as `luthier audit verify` prints it")
    return ChainHead(seq=int(seq), hash=digest)
