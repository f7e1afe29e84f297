"""`data expire` killed after any durable step: another run ends in the state of one that nobody killed."""

import io
import json
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.flow.lifecycle.play import BEGINNING, Project
from tests.flow.lifecycle.test_withdrawal import (
    CONFIG,
    KILLS,
    STEWARD,
    VICTIM,
    kept_text,
    rows,
    state_of,
    write_rows,
)

OLD_MARK, YOUNG_DAY = "quokka7", "2026-02-27"
"""What stands in rows that are over on the hundred and first day, and the day of all others."""


@pytest.fixture
def overdue(tmp_path: Path) -> Path:
    """A project that was built while all its rows were young, on a day on which a tenth of them are past their end."""
    project = Project(tmp_path / "overdue")
    project.folder.mkdir()
    (project.folder / "luthier.yaml").write_text(CONFIG)
    (project.folder / "prompt.md").write_text("Note it.")
    made = rows()
    for row in made:
        row["date"] = row["date"] if row["subject"] == "person-7" else YOUNG_DAY
    write_rows(project, made)
    project.set_clock(BEGINNING)
    (project.folder / "keys.json").write_text("{}")
    assert project.luthier("user", "add", STEWARD, "--role=steward").code == 0
    (project.folder / "keys.json").write_text(
        json.dumps({STEWARD: project.luthier("user", "key", STEWARD).out.strip()})
    )
    built = project.luthier("data", "build")
    assert built.code == 0, built.err
    project.set_clock(BEGINNING + timedelta(days=70))
    return project.folder


def killed(project: Project, at: int) -> "subprocess.CompletedProcess[str]":
    """An expiry that dies after its `at`-th durable step; 0 for never."""
    words = ["data", "expire", "--project", str(project.folder)]
    return subprocess.run(
        [sys.executable, str(VICTIM), str(at), *words], capture_output=True, text=True, check=False,
        env={name: value for name, value in project.variables(STEWARD).items() if value is not None},
    )  # fmt: skip


def young_rows(project: Project) -> int:
    """Rows of the parts that stand."""
    with project.opened() as work:
        bodies = json.loads(work.store.artifacts.get_bytes(work.latest("data", "rows") or ""))
        parts = [work.store.artifacts.get_bytes(part["file_digest"]) for part in bodies["parts"]]
    return sum(pq.read_table(io.BytesIO(part)).num_rows for part in parts)


@pytest.mark.slow
def test_a_kill_after_any_durable_step_of_an_expiry_and_another_run_end_in_the_same_state(
    overdue: Path, tmp_path: Path
) -> None:
    whole = Project(Path(shutil.copytree(overdue, tmp_path / "whole")))
    assert OLD_MARK in kept_text(whole)
    unharmed = killed(whole, 0)
    assert unharmed.returncode == 0, unharmed.stderr
    wanted, steps = state_of(whole), int(unharmed.stderr.splitlines()[-1])
    assert steps > 10, "there is hardly a moment to be killed at"
    assert OLD_MARK not in kept_text(whole)
    assert young_rows(whole) > 100
    for at in range(1, steps, max(1, steps // KILLS)):
        project = Project(Path(shutil.copytree(overdue, tmp_path / f"killed-{at}")))
        assert killed(project, at).returncode == -signal.SIGKILL
        again = project.luthier("data", "expire", by=STEWARD)
        assert again.code == 0, again.err
        assert state_of(project) == wanted, f"killed after step {at} of {steps}"
        assert OLD_MARK not in kept_text(project)
