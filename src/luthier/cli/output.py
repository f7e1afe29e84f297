"""What a command prints: results on standard output, everything that went wrong on standard error."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TypeAlias
from uuid import uuid4

import typer

from luthier.errors import LuthierError

Shown: TypeAlias = str | int | float | bool | Sequence["Shown"] | Mapping[str, "Shown"] | None


@contextmanager
def reported_errors(*, as_json: bool = False) -> Iterator[None]:
    """Turn an error of Luthier into `error:` and `try:` lines and its exit code; a bug passes through."""
    try:
        yield
    except LuthierError as error:
        typer.echo(_error_text(error, as_json=as_json), err=True)
        raise typer.Exit(error.exit_code) from None


def log_to_stderr() -> None:
    """What a long-running process does goes to standard error; other libraries only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("luthier").setLevel(logging.INFO)


def report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a bug's traceback under an id that a report can name; Python then exits with 1."""
    traceback.print_exception(kind, error, trace, file=sys.stderr)
    typer.echo(f"error: a bug in Luthier stopped this command (error id {uuid4().hex[:12]})", err=True)
    typer.echo("try: report it with the lines above, after removing what must stay private", err=True)


def show(value: Shown, *, as_json: bool) -> None:
    """Print a result: as JSON, or for people - text as it is, a list of records as a table, a record as lines."""
    if as_json:
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
    elif isinstance(value, str):
        typer.echo(value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            typer.echo(f"{name}: {_cell(inner)}")
    elif isinstance(value, Sequence):
        _show_rows(value)
    else:
        typer.echo(_cell(value))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
    """Print rows: a drawn table on a terminal (colour obeys NO_COLOR), lines with tabs anywhere else."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            typer.echo("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415  half of `luthier --help` otherwise
    from rich.table import Table  # noqa: PLC0415

    drawn = Table(title=title, title_justify="left")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    Console(markup=False, highlight=False).print(drawn)


def _show_rows(value: Sequence[Shown]) -> None:
    records = [record for record in value if isinstance(record, Mapping)]
    if len(records) < len(value):
        for item in value:
            typer.echo(_cell(item))
        return
    columns = list(dict.fromkeys(name for record in records for name in record))
    table(columns, [[_cell(record.get(name)) for name in columns] for record in records])


def _cell(value: Shown) -> str:
    match value:
        case None:
            return "-"
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def _error_text(error: LuthierError, *, as_json: bool) -> str:
    if as_json:
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        return json.dumps({"error": body}, ensure_ascii=False)
    return f"error: {error.message}" + (f"\ntry: {error.hint}" if error.hint else "")
