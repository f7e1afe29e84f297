"""A project in a folder and the people who work on it: commands as they would type them, each with their own key."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from luthier.cli.main import app
from luthier.lifecycle.workspace import Workspace

EXAMPLE = Path(__file__).parents[3] / "examples" / "crm-updates"
BEGINNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
LUTHIER = (sys.executable, "-m", "luthier.cli.main")
AUTHOR, APPROVER, OPERATOR, APPLICATION = "ml-engineer", "head-of-sales-ops", "sre", "crm"
PEOPLE: Mapping[str, Sequence[str]] = {
    AUTHOR: ("engineer", "approver"),
    APPROVER: ("approver",),
    OPERATOR: ("engineer",),
    APPLICATION: ("application",),
}


@dataclass(frozen=True)
class Outcome:
    """What one command came to."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one sentence after `error: `; an empty text where there is none."""
        told = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(told) <= 1, self.err
        return told[0].removeprefix("error: ") if told else ""


@dataclass(frozen=True)
class Project:
    """A project's folder, on a clock of its own."""

    folder: Path

    @property
    def home(self) -> Path:
        """Where everything is kept."""
        return self.folder / ".luthier"

    @property
    def keys(self) -> dict[str, str]:
        """Everybody's key by name."""
        kept: dict[str, str] = json.loads((self.folder / "keys.json").read_text())
        return kept

    def luthier(self, *words: str, by: str | None = None, key: str | None = None) -> Outcome:
        """A command of the author's in this process, with the key of `by` or one given; a bug is raised."""
        result = CliRunner().invoke(app, [*words, "--project", str(self.folder)], env=self._changed(by, key))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(words, result.exit_code, result.stdout, result.stderr)

    def spawned(self, *words: str, by: str | None = None) -> "subprocess.Popen[str]":
        """The same command in a process of its own; whoever starts it ends it."""
        return subprocess.Popen(
            [*LUTHIER, *words, "--project", str(self.folder)],
            env={name: value for name, value in self.variables(by).items() if value is not None},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def answered(self, *words: str) -> Any:
        """The JSON that a command prints."""
        outcome = self.luthier(*words, "--json")
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out)

    def link(self, name: str) -> dict[str, Any]:
        """One link of `luthier status --json`."""
        found: dict[str, Any] = next(each for each in self.answered("status")["links"] if each["link"] == name)
        return found

    def set_clock(self, moment: datetime) -> None:
        """Move the project's time in one step that no reader sees half of."""
        fresh = self.folder / "clock.new"
        fresh.write_text(moment.isoformat())
        fresh.replace(self.folder / "clock")

    @property
    def now(self) -> datetime:
        """The project's time."""
        return datetime.fromisoformat((self.folder / "clock").read_text())

    @contextmanager
    def opened(self) -> Iterator[Workspace]:
        """The project as commands open it."""
        with Workspace.open(self.folder) as work:
            yield Workspace(work.loaded, work.store, lambda: self.now, AUTHOR, work.environment)

    def counts(self) -> tuple[int, int]:
        """How many results of links and how many costs are kept."""
        with self.opened() as work:
            return len(work.store.links.history(work.project)), len(work.store.ledger.entries())

    def variables(self, by: str | None = None) -> dict[str, str | None]:
        """The environment of a command as `by` runs it."""
        return {**os.environ, **self._changed(by, None)}

    def _changed(self, by: str | None, key: str | None) -> dict[str, str | None]:
        held = key if key is not None else self.keys[by] if by is not None else None
        return {"LUTHIER_CLOCK_FILE": str(self.folder / "clock"), "LOGNAME": AUTHOR, "LUTHIER_KEY": held}


def generate(folder: Path, *words: str) -> None:
    """The example's e-mails and knowledge base in `folder`."""
    script = [sys.executable, str(EXAMPLE / "generate.py"), "--out", str(folder), "--seed", "7", *words]
    subprocess.run(script, check=True, capture_output=True)
