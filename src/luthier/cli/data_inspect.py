"""`luthier data inspect`: what a file holds, and the section of the project file that reads it."""

from collections.abc import Sequence
from typing import Annotated

import typer

from luthier.cli.options import JsonOption
from luthier.cli.output import show
from luthier.data.inspect import inspect as look
from luthier.data.inspect import section_for
from luthier.data.inspect_page import page
from luthier.errors import UserError

FileArgument = Annotated[
    str, typer.Argument(help="File, folder, fsspec address, or with --query a SQLAlchemy address.")
]
FormatOption = Annotated[str, typer.Option("--format", help="A reader's name; recognised where it is not given.")]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="FIELD=NAME", help="Where the file names a field differently; repeatable."),
]
OursOption = Annotated[
    list[str] | None,
    typer.Option("--ours", help="Whose words are answers: an address, `@firm.example`, an author id; repeatable."),
]
SplitOption = Annotated[str | None, typer.Option("--split", help="Split of a Hugging Face folder that holds several.")]
QueryOption = Annotated[str | None, typer.Option("--query", help="SQL that gives the rows of a database.")]


def inspect(
    file: FileArgument,
    format_name: FormatOption = "auto",
    columns: ColumnOption = None,
    ours: OursOption = None,
    split: SplitOption = None,
    query: QueryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recognise FILE, show ten rows, count roles, lengths and languages, and propose its `sources` block."""
    section = section_for(
        path=file, format=format_name, columns=_pairs(columns or ()), ours=tuple(ours or ()), split=split, query=query
    )
    found = look(section)
    show(found.model_dump(mode="json") if as_json else page(found), as_json=as_json)


def _pairs(assignments: Sequence[str]) -> dict[str, str]:
    pairs = [assignment.partition("=") for assignment in assignments]
    if wrong := [name for name, sign, value in pairs if not sign or not value]:
        raise UserError(f"--column {wrong[0]!r} maps nothing", hint="write --column prompt=question")
    return {name: value for name, _, value in pairs}
