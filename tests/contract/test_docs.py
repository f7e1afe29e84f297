"""Reference pages say what the code says, and what the guides tell people to type exists."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from luthier.cli import reference
from luthier.cli.main import COMMANDS, app

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def typed_lines(text: str) -> Iterator[str]:
    """Lines of shell blocks that call `luthier` or `make`."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if command.split(" ")[0] in ("luthier", "make"):
                yield command


def unknown_part(command: str) -> str | None:
    """The first word of the line that names no command, option or target; None when all exist."""
    program, *words = shlex.split(command, comments=True)
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return next((word for word in words if "=" not in word and word not in targets), None)
    reached: Any = typer.main.get_command(app)
    context = reached.make_context("luthier", [], resilient_parsing=True)
    for word in words:
        if word in (">", "|", "&&", ";", "&"):
            return None
        if hasattr(reached, "get_command") and not word.startswith("-"):
            if word not in reached.list_commands(context):
                return word
            reached = reached.get_command(context, word)
        elif word.startswith("--") and word.split("=")[0] not in _options(reached):
            return word
    return None


def _options(command: Any) -> set[str]:
    return {
        "--help",
        *(option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)),
    }


def test_the_reference_pages_are_what_the_code_says_now() -> None:
    assert reference.stale() == [], "run `make generated`"


def test_a_page_that_says_something_else_is_noticed(tmp_path: Path) -> None:
    for name, text in reference.pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert reference.stale(tmp_path) == []
    (tmp_path / "errors.md").write_text("# Errors\n", encoding="utf-8")
    (tmp_path / "commands.md").unlink()
    assert reference.stale(tmp_path) == ["commands.md", "errors.md"]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_root_s_help_line_of_a_command_ends_in_a_full_stop_and_fits(name: str) -> None:
    assert COMMANDS[name].help.endswith(".")
    assert len(COMMANDS[name].help) <= 100


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_guide_tells_people_to_type_exists(guide: Path) -> None:
    lines = list(typed_lines(guide.read_text(encoding="utf-8")))
    assert {line: unknown for line in lines if (unknown := unknown_part(line))} == {}


def test_the_guides_tell_people_to_type_something() -> None:
    assert any(list(typed_lines(guide.read_text(encoding="utf-8"))) for guide in GUIDES)


@pytest.mark.parametrize(
    ("command", "unknown"),
    [
        ("luthier config --json --set train.epochs=2", None),
        ("luthier confg", "confg"),
        ("luthier config --jsn", "--jsn"),
        ("make check test", None),
        ("make tset", "tset"),
        ("luthier config | less", None),
    ],
)
def test_a_planted_mistake_in_a_guide_is_seen(command: str, unknown: str | None) -> None:
    assert unknown_part(command) == unknown
