"""The reference pages under `docs/reference/`, written from the code: `python -m luthier.cli.reference [--check]`."""

import pkgutil
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

import luthier
from luthier.cli.main import COMMANDS, app
from luthier.errors import LuthierError
from luthier.project.config import ProjectConfig
from luthier.project.document import keys

FOLDER = Path(__file__).parents[3] / "docs" / "reference"
HEADER = "<!-- Written by `make generated` from the code; edit that instead. -->\n\n"


def pages() -> dict[str, str]:
    """File name -> what the page says now."""
    return {
        "commands.md": HEADER + commands_page(),
        "project-file.md": HEADER + project_file_page(),
        "errors.md": HEADER + errors_page(),
    }


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the pages that are absent or say something else than the code."""
    return [
        name
        for name, text in pages().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def commands_page() -> str:
    """Every command with its arguments and options."""
    root: Any = typer.main.get_command(app)  # typer keeps its copies of click's types private
    context = root.make_context("luthier", [], resilient_parsing=True)
    listed = _table(("command", "what it does"), [(f"`luthier {name}`", row.help) for name, row in COMMANDS.items()])
    sections = [_command_section(["luthier", name], root.get_command(context, name)) for name in COMMANDS]
    return "# Commands\n\n" + listed + "".join(sections)


def project_file_page() -> str:
    """Every key of `luthier.yaml` with its type, default, bounds and meaning."""
    text = "# The project file\n\n`NAME` stands for a name that you choose, `N` for a place in a list.\n\n"
    rows = [(f"`{key.path}`", key.type, key.default, key.meaning) for key in keys(ProjectConfig)]
    return text + _table(("key", "type", "default", "meaning"), rows)


def errors_page() -> str:
    """Every error code with its exit code, HTTP status and meaning."""
    for module in pkgutil.walk_packages(luthier.__path__, "luthier."):
        if ".migrations" not in module.name:  # Alembic runs those; importing one would migrate nothing and fail
            import_module(module.name)
    ours = {kind for kind in _errors(LuthierError) if kind.__module__.startswith("luthier.")}
    kinds = sorted(ours, key=lambda kind: (kind.exit_code, kind.code, kind.__name__))
    rows = [
        (f"`{kind.code}`", str(kind.exit_code), str(kind.http_status), (kind.__doc__ or "").split("\n")[0])
        for kind in kinds
    ]
    return "# Errors\n\n" + _table(("code", "exit code", "HTTP status", "meaning"), rows)


def _errors(kind: type[LuthierError]) -> Iterator[type[LuthierError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from _errors(inner)


def _command_section(names: Sequence[str], command: Any) -> str:
    title = f"\n{'#' * len(names)} {' '.join(names)}\n\n"
    told = f"{_one_line(command.help)}\n" if command.help else ""
    rows = [_parameter(parameter) for parameter in command.params if parameter.name != "help"]
    options = "\n" + _table(("option", "default", "meaning"), rows) if rows else ""
    inner = getattr(command, "commands", {})
    return title + told + options + "".join(_command_section([*names, name], inner[name]) for name in inner)


def _parameter(parameter: Any) -> tuple[str, str, str]:
    is_option = parameter.param_type_name == "option"
    name = ", ".join(f"`{option}`" for option in parameter.opts) if is_option else f"`{parameter.name.upper()}`"
    return name, _default(parameter), _one_line(getattr(parameter, "help", None) or "")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    return "" if parameter.default in (None, False) else f"`{parameter.default}`"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([_one_line(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` only name those that are out of date (exit code 1)."""
    if "--check" in arguments:
        names = stale()
        if names:
            typer.echo(f"error: out of date under docs/reference: {', '.join(names)}\ntry: make generated", err=True)
        return 1 if names else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
