"""`luthier data contradictions` and `luthier data resolve`: rows that cannot both be right, and what people decide."""

from enum import StrEnum
from typing import Annotated

import typer

from luthier.cli.opened import opened, signed_in
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.data.resolving import OpenContradiction
from luthier.errors import UserError
from luthier.lifecycle.resolutions import named, open_contradictions
from luthier.lifecycle.resolutions import resolve as resolve_pairs


class Keep(StrEnum):
    """Which of two rows may train."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"
    NONE = "none"


def contradictions(
    limit: Annotated[int, typer.Option(min=1, help="Pairs at most.")] = 100,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the pairs of rows that the last build refused and nobody has decided since, each with its reason."""
    with opened(project, assignments, as_json=True) as work:
        waiting = open_contradictions(work)
    if as_json:
        show([each.model_dump(mode="json") for each in waiting[:limit]], as_json=True)
        return
    show(
        "\n\n".join([f"{len(waiting)} contradictions wait for a decision", *map(_told, waiting[:limit])]), as_json=False
    )


def resolve(
    keep: Annotated[Keep, typer.Option(help="`both` marks the pair as fine; rows not kept stay out of training.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit log for ever, personal data masked.")],
    first: Annotated[str | None, typer.Argument(help="A row's id.")] = None,
    second: Annotated[str | None, typer.Argument(help="The id of the row that it contradicts.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Decide all pairs that wait alike.")] = False,
    project: ProjectOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide which of two contradicting rows may train, as the holder of LUTHIER_KEY; the next build follows."""
    if every == (first is not None) or (first is None) != (second is None):
        raise UserError("two rows are decided, or all that wait", hint="give two row ids, or --all")
    with opened(project, assignments, as_json=as_json) as work, work.alone():
        waiting = open_contradictions(work)
        pairs = waiting if first is None or second is None else [named(waiting, first, second)]
        made = resolve_pairs(work, pairs, keep=keep.value, by=signed_in(work), reason=reason)
        left = len(open_contradictions(work))
    if as_json:
        show([each.model_dump(mode="json") for each in made], as_json=True)
        return
    show(f"{len(made)} decided, {left} left; run `luthier data build`", as_json=False)


def _told(pair: OpenContradiction) -> str:
    sides = zip((pair.first, pair.second), pair.asked, pair.answered, strict=True)
    return "\n".join(
        [
            f"{pair.first} and {pair.second}: {pair.reason}",
            *(f"  {row}\n    asked:    {_short(asked)}\n    answered: {_short(told)}" for row, asked, told in sides),
        ]
    )


def _short(text: str, most: int = 300) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}\u2026"
