"""`luthier review`: people's marks on the rows of the snapshot."""

from typing import Annotated

import typer

from luthier.cli.opened import opened, signed_in
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.domain.value import Json
from luthier.errors import Forbidden
from luthier.lifecycle.links.review import review_key, rows_to_review, state_of, submit
from luthier.lifecycle.links.review import simulate as simulate_marks
from luthier.review.step import disputed, pending
from luthier.review.types import Mark, Submitted

app = typer.Typer(no_args_is_help=True)
REVIEWERS = {"reviewer", "steward", "admin"}


@app.callback()
def review() -> None:
    """Mark rows, and see how far the review is."""


@app.command()
def status(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print how many rows wait, and for what."""
    with opened(project, assignments, as_json=True) as work:
        state = state_of(work)
    counts = {"rows": len(state.rows), "pending": len(pending(state)), "disputed": len(disputed(state))}
    show(counts, as_json=as_json)


@app.command("next")
def next_row(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print the next row that the holder of LUTHIER_KEY may mark; nobody sees another's mark before their own."""
    with opened(project, assignments, as_json=True) as work:
        waiting = pending(state_of(work), signed_in(work).name)
        rows = {review_key(row): row for row in rows_to_review(work)}
    found = next(((key, rows[key]) for key in waiting if key in rows), None)
    if found is None:
        show("nothing waits for you", as_json=False)
        return
    turns: list[Json] = [{"role": message.role, "content": message.content} for message in found[1].messages]
    shown: dict[str, Json] = {"row": found[0], "messages": turns}
    if found[1].rejected is not None:
        shown["rejected"] = found[1].rejected
    if found[1].liked is not None:
        shown["is_liked"] = found[1].liked
    show(shown, as_json=as_json)


@app.command()
def mark(
    row: Annotated[str, typer.Argument(help="The row, as `luthier review next` names it.")],
    accept: Annotated[
        bool, typer.Option("--accept/--reject", help="Whether the answer is ideal, or the preference right.")
    ],
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Record the mark of the holder of LUTHIER_KEY on one row."""
    with opened(project, assignments) as work:
        who = signed_in(work)
        if not who.roles & REVIEWERS:
            raise Forbidden(f"{who.name!r} may not review", hint=f"the roles that may: {', '.join(sorted(REVIEWERS))}")
        verdict: Mark = "accept" if accept else "reject"
        submit(work, Submitted(reviewer=who.name, marks={row: verdict}))
        show(f"{verdict}: {row}", as_json=False)


@app.command()
def simulate(
    disputed_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of rows on which reviewers differ.")
    ] = 0.02,
    seed: Annotated[int, typer.Option(help="Decides the made-up marks.")] = 0,
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Have made-up reviewers mark every waiting row; the marks stay flagged as simulated."""
    with opened(project, assignments) as work:
        marked = simulate_marks(work, disputed_share=disputed_share, seed=seed)
        show(f"{marked} rows marked by simulated reviewers", as_json=False)
