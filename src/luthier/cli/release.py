"""`luthier release`: gate, proposal, approval."""

from typing import Annotated

import typer

from luthier.cli.opened import ControlOption, opened, signed_in
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.links.data import rows_of
from luthier.lifecycle.links.release import approval, decide, settle_gate, settle_release
from luthier.lifecycle.links.release import card as card_of
from luthier.lifecycle.links.training import CONTROL
from luthier.lifecycle.status import status as status_of

app = typer.Typer(no_args_is_help=True)
ReleaseArgument = Annotated[str, typer.Argument(help="A release, e.g. `crm-updates-2`.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Kept in the audit log for ever.")]


@app.callback()
def release() -> None:
    """Make releases of measured variants, and decide on them."""


@app.command("list")
def list_releases(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print every release with its gate and approval."""
    with opened(project, assignments, as_json=True) as work:
        show([made.model_dump(mode="json") for made in status_of(work).releases], as_json=as_json)


@app.command()
def propose(
    variant: Annotated[str, typer.Argument(help="A measured variant of the project file.")],
    override: Annotated[str | None, typer.Option("--override", help="Go on against the gate, for this reason.")] = None,
    control: ControlOption = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Put VARIANT through the gate and propose it to its approvers."""
    with opened(project, assignments) as work, work.alone():
        variants = Variants(work, lambda: rows_of(work, "train"))
        label = CONTROL if control else ""
        chosen = variants.of(variant, run=label)
        settle_gate(work, variants, chosen, label=label, override_reason=override)
        show(settle_release(work, chosen, label=label).id, as_json=False)


@app.command()
def approve(
    release_id: ReleaseArgument, reason: ReasonOption, project: ProjectOption = None, assignments: SetOption = None
) -> None:
    """Approve as the holder of LUTHIER_KEY, who must be a named approver and not the author."""
    with opened(project, assignments) as work:
        state = decide(work, release_id, signed_in(work), approve=True, reason=reason)
        show(f"{release_id}: {state.status}", as_json=False)


@app.command()
def reject(
    release_id: ReleaseArgument, reason: ReasonOption, project: ProjectOption = None, assignments: SetOption = None
) -> None:
    """Reject as the holder of LUTHIER_KEY; a rejected release stays rejected."""
    with opened(project, assignments) as work:
        state = decide(work, release_id, signed_in(work), approve=False, reason=reason)
        show(f"{release_id}: {state.status}", as_json=False)


@app.command()
def card(release_id: ReleaseArgument, project: ProjectOption = None, assignments: SetOption = None) -> None:
    """Print the model card: what it is, how good, on which rows, and who said yes."""
    with opened(project, assignments, as_json=True) as work:
        show(card_of(work, release_id), as_json=False)


@app.command("approval")
def show_approval(
    release_id: ReleaseArgument,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print who has decided on a release, and who has not."""
    with opened(project, assignments, as_json=True) as work:
        found = approval(work, release_id)
    who = {"status": found.status, "waiting for": list(found.waiting_for), "approved": sorted(found.filled)}
    show(found.model_dump(mode="json") if as_json else who, as_json=as_json)
