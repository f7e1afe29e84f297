"""What was acknowledged survives: writers killed at any moment, writers side by side, a full disk."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from luthier.errors import Busy, StorageFault
from luthier.store import AuditEntry, Store, utc_now

WRITER = Path(__file__).with_name("writer.py")
FOR_EVER = 1_000_000


class Writers:
    """The process that forks writers, with what they acknowledged."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, artifacts: str) -> None:
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, process.stdout
        self._place = {"url": url, "artifacts": artifacts}

    def start(self, label: str, *, writers: int, rounds: int) -> None:
        print(
            json.dumps(self._place | {"label": label, "writers": writers, "rounds": rounds}), file=self._in, flush=True
        )

    def lines(self) -> Iterator[str]:
        """Every line up to the end of the last writer."""
        while (line := self._out.readline().strip()) != "ended":
            assert line, "the writers stopped by themselves"
            yield line


@pytest.fixture
def writers(database_url: str, tmp_path: Path) -> Iterator[Writers]:
    command = [sys.executable, "-W", "error", str(WRITER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Writers(process, database_url, str(tmp_path / "artifacts"))
        process.stdin.close()  # type: ignore[union-attr] - it was opened above


def acknowledged_until_killed(writers: Writers, label: str, chance: random.Random) -> list[str]:
    """What a writer acknowledged before SIGKILL struck it, at a moment that nobody chose."""
    writers.start(label, writers=1, rounds=FOR_EVER)
    lines = writers.lines()
    pid = int(next(lines).removeprefix("started "))
    told = [next(lines) for _ in range(chance.randrange(1, 12))]
    for _ in range(chance.randrange(20_000)):  # lets the next write get under way, by another stretch each time
        pass
    os.kill(pid, signal.SIGKILL)
    return told + list(lines)


def assert_all_is_kept(store: Store, told: list[str]) -> None:
    """Each acknowledged line is in the store, and the store is sound."""
    assert told
    by_kind = {
        kind: [line.split()[1] for line in told if line.startswith(kind)] for kind in ("audit", "artifact", "ledger")
    }
    assert {*by_kind["audit"]} <= {entry.subject for entry in store.audit.entries()}
    assert {*by_kind["ledger"]} <= {entry.subject for entry in store.ledger.entries()}
    for digest in by_kind["artifact"]:
        store.artifacts.get_bytes(digest)
    assert store.audit.verify().is_intact
    assert store.ledger.verify().is_intact
    assert store.artifacts.verify() == []
    assert store.ledger.total()["EUR"] == Decimal("0.1") * len(store.ledger.entries())


def kill_many(writers: Writers, url: str, artifacts: Path, *, kills: int) -> None:
    chance, told = random.Random(20260101), []
    for number in range(kills):
        told += acknowledged_until_killed(writers, f"run{number}", chance)
    with Store.open(url, str(artifacts)) as store:
        assert_all_is_kept(store, told)


def test_what_was_acknowledged_survives_ten_kills(writers: Writers, database_url: str, tmp_path: Path) -> None:
    kill_many(writers, database_url, tmp_path / "artifacts", kills=10)


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_hundred_kills(writers: Writers, database_url: str, tmp_path: Path) -> None:
    kill_many(writers, database_url, tmp_path / "artifacts", kills=100)


def test_four_processes_that_open_and_append_at_once_keep_one_chain(
    writers: Writers, database_url: str, tmp_path: Path
) -> None:
    writers.start("side", writers=4, rounds=10)
    told = [line for line in writers.lines() if not line.startswith("started")]
    assert len(told) == 4 * 10 * 3
    with Store.open(database_url, str(tmp_path / "artifacts")) as store:
        assert_all_is_kept(store, told)
        assert store.audit.verify().entries == 40
        assert [entry.seq for entry in store.audit.entries()] == list(range(1, 41))
        assert store.ledger.total() == {"EUR": Decimal("4.0")}


def test_threads_that_share_a_store_keep_one_chain_and_only_one_wins_a_place_in_a_stream(store: Store) -> None:
    def work(number: int) -> bool:
        store.audit.append(f"thread{number}", "write", "x", now=utc_now())
        try:
            store.events.append("stream", 0, "started", number, utc_now())
        except Busy:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(work, range(24)))
    assert (store.audit.verify().is_intact, store.audit.verify().entries) == (True, 24)
    assert [event.payload for event in store.events.read("stream")] == [won.index(True)]
    assert won.count(True) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def append_for_ever(store: Store) -> Iterator[AuditEntry]:
    while True:
        yield store.audit.append("ana", "write", "filler", {"text": "x" * 50_000}, now=utc_now())


def test_a_full_disk_is_one_clear_error_and_loses_nothing(small_disk: Path) -> None:
    url, artifacts = f"sqlite:///{small_disk}/luthier.db", str(small_disk / "artifacts")
    with Store.open(url, artifacts) as store:
        before = store.audit.append("ana", "begin", "all", now=utc_now())
        with pytest.raises(StorageFault, match="full"):
            store.artifacts.put_bytes(os.urandom(4 << 20), kind="big", media_type="x/y", parents=[], now=utc_now())
        assert store.artifacts.find() == []
        kept: list[AuditEntry] = []
        with pytest.raises(StorageFault, match="its disk is full"):
            kept.extend(append_for_ever(store))
        assert kept
        check = store.audit.verify()
        assert (check.is_intact, check.entries) == (True, 1 + len(kept))
    with Store.open(url, artifacts) as store:
        assert store.audit.entries() == [before, *kept]
        assert store.audit.verify().is_intact
