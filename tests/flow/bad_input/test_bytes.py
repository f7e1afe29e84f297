"""Bytes and rows that changed behind our back, a second run, and a full disk."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.flow.lifecycle.play import APPROVER, EXAMPLE, OPERATOR, Project
from tests.flow.lifecycle.stages import READS, Stages

At = Callable[[str], Project]
QUICK = Path(__file__).with_name("quick.yaml")


def flip(file: Path) -> bytes:
    """Change one byte of a file; what it held before."""
    before = file.read_bytes()
    middle = len(before) // 2
    file.write_bytes(before[:middle] + bytes([before[middle] ^ 1]) + before[middle + 1 :])
    return before


def artifact_file(project: Project, digest: str) -> Path:
    return project.home / "artifacts" / digest[:2] / digest[2:]


def kept(project: Project, name: str) -> str:
    """The digest of one result of the data link."""
    with project.opened() as work:
        return work.require("data", name)


def tamper(project: Project, statement: str, *values: object) -> None:
    """Change the database as somebody with its file could."""
    with sqlite3.connect(project.home / "luthier.db") as database:
        assert database.execute(statement, values).rowcount == 1
    database.close()


def refusals(project: Project, variant: str) -> dict[str, tuple[int, str]]:
    """What evaluating and releasing a variant, and walking the chain, come to."""
    tried = {
        "evaluate": project.luthier("evaluate", "run", variant),
        "release": project.luthier("release", "propose", variant),
        "run": project.luthier("run"),
    }
    return {name: (outcome.code, outcome.error) for name, outcome in tried.items()}


def write(file: Path, rows: Sequence[object]) -> None:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.fixture
def quick(stages: Stages, tmp_path: Path) -> Project:
    """A project with a gold file, walked up to the approval of its first release."""
    project = Project(tmp_path / "quick")
    project.folder.mkdir()
    fresh = stages.stop("fresh").folder
    shutil.copy(QUICK, project.folder / "luthier.yaml")
    shutil.copy(EXAMPLE / "tools.json", project.folder)
    shutil.copytree(EXAMPLE / "prompts", project.folder / "prompts")
    for name in ("clock", "keys.json"):
        shutil.copy(fresh / name, project.folder)
    rows = [json.loads(line) for line in (fresh / "emails.jsonl").read_text().splitlines()]
    rows = [row for row in rows if all(message["content"] for message in row["messages"])]
    gold = rows[:20]
    others = {row["metadata"]["customer_id"] for row in gold}
    write(project.folder / "gold.jsonl", gold)
    write(project.folder / "rows.jsonl", [row for row in rows if row["metadata"]["customer_id"] not in others])
    assert project.luthier("data", "build").code == 0
    assert project.luthier("review", "simulate").code == 0
    walked = project.luthier("run")
    assert (walked.code, walked.error) == (3, "release quick-1 waits for head-of-sales-ops")
    return project


def test_one_changed_byte_of_the_gold_artifact_stops_evaluation_gate_and_release(project_at: At) -> None:
    project = project_at("proposed")
    gold = kept(project, "gold")
    file = artifact_file(project, gold)
    releases = project.answered("release", "list")
    file.chmod(0o600)
    before = flip(file)
    for name, (code, error) in refusals(project, "tuned_rag").items():
        assert code == 3, (name, error)
        assert gold in error or "gold has changed" in error, (name, error)
    assert project.luthier("audit", "verify").code == 3
    assert project.answered("release", "list") == releases
    file.write_bytes(before)
    again = refusals(project, "tuned_rag")
    assert {name: code for name, (code, _) in again.items()} == {"evaluate": 0, "release": 0, "run": 3}
    assert again["run"][1] == "release crm-small-2 waits for head-of-sales-ops"
    assert project.answered("release", "list") == releases
    assert project.luthier("audit", "verify").code == 0


def test_a_gold_set_swapped_in_the_database_stops_evaluation_and_release(project_at: At) -> None:
    project = project_at("proposed")
    other = kept(project, "card")
    tamper(
        project,
        "UPDATE links SET digest = ? WHERE seq = (SELECT max(seq) FROM links WHERE link = 'data' AND name = 'gold')",
        other,
    )
    assert {name: code for name, (code, _) in refusals(project, "tuned_rag").items()} == dict.fromkeys(
        ("evaluate", "release", "run"), 3
    )


def test_one_changed_byte_of_the_gold_file_stops_evaluation_gate_and_release(quick: Project) -> None:
    file = quick.folder / "gold.jsonl"
    releases = quick.answered("release", "list")
    before = flip(file)
    for name, (code, error) in refusals(quick, "prompt").items():
        assert code == 3, (name, error)
    assert "'gold.jsonl' has changed since it was frozen" in quick.luthier("evaluate", "run", "prompt").error
    assert quick.answered("release", "list") == releases
    file.write_bytes(before)
    again = refusals(quick, "prompt")
    assert {name: code for name, (code, _) in again.items()} == {"evaluate": 0, "release": 0, "run": 3}
    assert again["run"][1] == "release quick-1 waits for head-of-sales-ops"
    assert quick.answered("release", "list") == releases


def test_no_override_goes_against_a_changed_gold_file(quick: Project) -> None:
    flip(quick.folder / "gold.jsonl")
    refused = quick.luthier("release", "propose", "prompt", "--override", "We need this release today.")
    assert refused.code == 3
    assert "override" in refused.error or "gold" in refused.error


def test_an_edited_audit_row_is_named(project_at: At) -> None:
    project = project_at("unapproved")
    assert project.luthier("audit", "verify").code == 0
    tamper(project, "UPDATE audit SET actor = 'somebody-else' WHERE seq = 5")
    refused = project.luthier("audit", "verify")
    assert refused.code == 3
    assert "audit log" in refused.error
    assert "5" in refused.error


def test_a_changed_snapshot_is_never_trained_on(project_at: At) -> None:
    project = project_at("proposed")
    rows = kept(project, "rows")
    file = artifact_file(project, rows)
    file.chmod(0o600)
    flip(file)
    refused = project.luthier("train", "run", "--force")
    assert (refused.code, rows in refused.error) == (3, True)


def test_an_approval_of_a_changed_release_gives_no_traffic(project_at: At) -> None:
    project = project_at("proposed")
    with project.opened() as work:
        [row] = [row for row in work.store.releases.all(work.project) if row.release_id == "crm-small-2"]
    file = artifact_file(project, row.digest)
    file.chmod(0o600)
    flip(file)
    approved = project.luthier("release", "approve", "crm-small-2", "--reason", READS, by=APPROVER)
    started = project.luthier("rollout", "start", "crm-small-2", by=OPERATOR)
    assert (approved.code, started.code) == (3, 3)


HOLDER = """
import sys
from pathlib import Path
from luthier.lifecycle.workspace import Workspace
with Workspace.open(Path(sys.argv[1])) as work, work.alone():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(project_at: At) -> Iterator[tuple[Project, "subprocess.Popen[str]"]]:
    """A project that another process is working on."""
    project = project_at("unreviewed")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(project.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    yield project, holder
    holder.kill()
    holder.communicate()


def test_a_second_run_is_told_who_is_at_work_and_changes_nothing(
    held: tuple[Project, "subprocess.Popen[str]"],
) -> None:
    project, holder = held
    before = project.counts()
    for words in (("run",), ("data", "build"), ("train", "run"), ("evaluate", "run", "prompt")):
        refused = project.luthier(*words)
        assert refused.code == 2, words
        assert f"process {holder.pid}" in refused.error, words
    assert project.counts() == before
    assert project.luthier("status").code == 0  # looking is free


def test_a_run_that_was_killed_blocks_nobody(held: tuple[Project, "subprocess.Popen[str]"]) -> None:
    project, holder = held
    holder.kill()
    holder.wait()
    assert project.luthier("data", "build").code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few dozen megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_in_one_sentence_and_loses_nothing(project_at: At, small_disk: Path) -> None:
    project = project_at("unreviewed")
    file = project.folder / "luthier.yaml"
    shutil.move(project.home, small_disk / "home")
    file.write_text(f"{file.read_text()}store: {{home: {small_disk / 'home'}}}\n")
    before = project.link("data")
    filler = small_disk / "filler"
    fill(filler)
    refused = project.luthier("data", "build", "--force", "--set", "data.seed=8")
    assert refused.code == 2
    assert "full" in refused.error
    assert "what was acknowledged before is intact" in refused.err
    assert "Traceback" not in refused.err
    filler.unlink()
    assert project.luthier("audit", "verify").code == 0
    assert project.link("data") == before
    assert project.luthier("data", "build", "--force").code == 0


def fill(file: Path) -> None:
    """Take every byte that the file system of `file` has left."""
    with file.open("wb", buffering=0) as sink:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while sink.write(b"\0" * size):
                    pass
            except OSError:
                continue
