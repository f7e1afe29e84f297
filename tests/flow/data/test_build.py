"""A build gives the same bytes on any executor, with any number of workers, and however often it was killed before."""

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from luthier.data.plan import leaks, reading, shards
from luthier.data.plan.parts import ROWS_PER_PART
from luthier.errors import Refused
from tests.flow.data import made


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rows that make several pieces."""
    monkeypatch.setattr(reading, "PIECE_BYTES", made.PIECE_BYTES)
    made.write_rows(tmp_path / "rows.jsonl")
    return tmp_path


@pytest.fixture
def expected(rows: Path) -> str:
    return made.outcome(made.build(rows, rows / "whole"))


def test_the_build_has_something_of_everything_and_rows_add_up(rows: Path) -> None:
    result = made.build(rows, rows / "work")
    manifest = result.manifest
    assert len(list((rows / "work").glob("*.json"))) > 3, "one piece proves nothing about several"
    assert manifest.rows_in == 408 == sum(manifest.splits.values()) + sum(manifest.dropped.values())
    assert manifest.dropped["exact_duplicate"] == 8
    assert manifest.dropped["empty_answer"] == 400 / 40
    assert manifest.masked["EMAIL_ADDRESS"] >= 7
    assert {part.rows <= ROWS_PER_PART for part in result.parts} == {True}


def test_two_processes_give_the_bytes_of_one(rows: Path, expected: str) -> None:
    assert made.outcome(made.build(rows, rows / "pool", workers=2)) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_ray_cluster_of_two_workers_gives_the_bytes_of_one_process(rows: Path, expected: str) -> None:
    pytest.importorskip("ray", reason="Ray is an extra")
    assert made.outcome(made.build(rows, rows / "ray", engine="ray", workers=2)) == expected


def test_how_many_shards_a_task_looks_at_changes_no_byte(
    rows: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARDS_PER_STRETCH", 2)
    monkeypatch.setattr(leaks, "FEW", 0)
    assert made.outcome(made.build(rows, rows / "single")) == expected


def mapped(folder: Path) -> list[str]:
    """Files of a folder that this process holds in its memory."""
    gc.collect()
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in lines if str(folder) in line]


def test_no_file_stays_mapped_after_a_build_or_a_refusal(rows: Path) -> None:
    made.build(rows, rows / "done")
    assert mapped(rows / "done") == []
    with (rows / "rows.jsonl").open("a") as sink:
        for number, ideal in enumerate(("harbour", "meadow")):
            turns = [("user", "Which of the two words is it, and what is it for?"), ("assistant", ideal)]
            row = {"id": f"c{number}", "messages": [{"role": role, "content": text} for role, text in turns]}
            sink.write(json.dumps(row) + "\n")
    with pytest.raises(Refused, match="contradict"):
        made.build(rows, rows / "refused")
    assert list((rows / "refused").glob("*.arrow"))
    assert mapped(rows / "refused") == []


def test_shards_of_another_salt_or_setting_are_not_reused(rows: Path, expected: str) -> None:
    names = {path.name for path in (rows / "whole").glob("*.json")}
    made.build(rows, rows / "whole")
    assert {path.name for path in (rows / "whole").glob("*.json")} == names
    (rows / "rows.jsonl").write_text((rows / "rows.jsonl").read_text().replace("harbour", "port"))
    assert made.outcome(made.build(rows, rows / "whole")) != expected
    assert {path.name for path in (rows / "whole").glob("*.json")} > names


def build_of(rows: Path, work: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.flow.data.made", str(rows), str(work), *more]


def ended(rows: Path, work: Path) -> str:
    """What a build says that nobody kills."""
    return subprocess.run(build_of(rows, work), check=True, capture_output=True, text=True).stdout.strip()


def test_a_build_killed_at_ten_of_its_writes_ends_with_the_same_bytes(rows: Path, expected: str) -> None:
    rng, killed = Random(11), 0
    for _ in range(10):
        done = subprocess.run(build_of(rows, rows / "killed", str(rng.randrange(1, 500))), check=False)
        killed += done.returncode == -signal.SIGKILL
    assert killed >= 5
    assert ended(rows, rows / "killed") == expected


@pytest.mark.slow
def test_a_build_killed_two_hundred_times_at_any_moment_ends_with_the_same_bytes(rows: Path, expected: str) -> None:
    rng, killed = Random(12), 0
    with asked_for(rows) as ask:
        whole = ask(rows / "alone", 0)
        assert (whole["signal"], whole["built"]) == (0, expected)
        for turn in range(200):
            work = rows / f"killed-{turn // 4}"
            told = ask(work, rng.uniform(0.01, whole["seconds"]))
            killed += told["signal"] == signal.SIGPROF
            assert told["built"] == "" or told["signal"] == 0
            if turn % 4 == 3:
                assert ask(work, 0)["built"] == expected
    assert killed >= 100


@contextmanager
def asked_for(rows: Path) -> Iterator[Callable[[Path, float], dict[str, Any]]]:
    """Builds in processes that end after so many processor seconds; 0 lets them be."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(build_of(rows, Path("serve")), **pipes, env=one_thread) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        wants, tells = server.stdin, server.stdout

        def ask(work: Path, seconds: float) -> dict[str, Any]:
            wants.write(f"{work} {seconds}\n".encode())
            wants.flush()
            told: dict[str, Any] = json.loads(tells.readline())
            return told

        yield ask
        wants.close()


def test_the_parts_are_a_folder_that_others_open(rows: Path) -> None:
    result = made.build(rows, rows / "work")
    for split, count in result.manifest.splits.items():
        assert pq.read_table(rows / "work" / split).num_rows == count
