"""`luthier assess`: prompt, retrieve, tune or both, and why."""

from pathlib import Path
from typing import Annotated

import typer

from luthier.assess.provisional import advise
from luthier.assess.record import TITLES, decision_record, provisional_record
from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.domain.decisions import Advice
from luthier.errors import Refused, UserError
from luthier.lifecycle.links.assessment import decision, override_decision
from luthier.lifecycle.report.board import board_record, deciders, write_board

app = typer.Typer(no_args_is_help=True)
ADVICE: tuple[Advice, ...] = ("prompt", "retrieve", "tune", "tune_and_retrieve", "stop")


@app.callback()
def assess() -> None:
    """Advise before data exists, show or print the decision, or overrule it with a reason."""


@app.command()
def ask(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print advice before data exists, from what `assess` in the project file says, with the articles that say so.

    Answer with `assess.expects`, or here: `--set assess.expects.jargon=true`.
    """
    with opened(project, assignments, as_json=True) as work:
        found = advise(work.project, work.config.assess)
    show(found.model_dump(mode="json") if as_json else provisional_record(found), as_json=as_json)


@app.command("show")
def show_decision(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print the decision record: what failed, what to do about it, and what that costs."""
    with opened(project, assignments, as_json=True) as work:
        found = decision(work)
        if as_json:
            show(found.model_dump(mode="json"), as_json=True)
            return
        if work.config.charter is None:
            raise Refused("the project has no charter", hint="write its `charter` section")
        show(decision_record(found, work.config.charter.problem), as_json=False)


@app.command()
def record(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to.", show_default="`report` in the project's home")
    ] = None,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the decision on one page for a board: HTML that prints on one sheet, Markdown and JSON."""
    with opened(project, assignments, as_json=True) as work:
        found = board_record(work)
        files = write_board(found, out or work.home / "report")
    paths = {form: str(path) for form, path in files.items()}
    if as_json:
        show({"files": paths, "record": found.model_dump(mode="json")}, as_json=True)
        return
    show(f"{TITLES[found.decision.effective]}; {'; '.join(deciders(found))}\nrecord: {paths['html']}", as_json=False)


@app.command()
def override(
    advice: Annotated[str, typer.Argument(help="What to do instead: prompt, retrieve, tune, tune_and_retrieve, stop.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the chain with your name.")],
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Overrule the decision; who did it and why stays in the chain."""
    with opened(project, assignments) as work:
        chosen = _advice(advice)
        found = override_decision(work, chosen, reason=reason)
        show(f"overruled: {found.advice} becomes {found.effective}", as_json=False)


def _advice(text: str) -> Advice:
    for advice in ADVICE:
        if advice == text:
            return advice
    raise UserError(f"{text!r} is no advice", hint=f"choose from {', '.join(ADVICE)}")
