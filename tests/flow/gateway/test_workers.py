"""`luthier gateway --workers 2` over SQLite and PostgreSQL: one table in all; one that dies takes nothing."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from luthier.lifecycle.routes import current_table, put_table
from tests.flow.gateway.faulty import Faulty, failing
from tests.flow.gateway.processes import Deployed, deployed, kept
from tests.flow.gateway.serving import route
from tests.flow.serving.served import until

FRESH_CONNECTIONS = 24
"""The kernel gives each to one of two workers: that all go to the same one happens once in eight million."""


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Deployed]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with failing(Faulty()) as backend:
        found = deployed(tmp_path / "project", backend, port, (f"store.database_url={database_url}",))
        found.options = ("--workers", "2")
        yield found
        if found.process is not None and found.process.poll() is None:
            found.stop()


def versions(place: Deployed) -> set[int]:
    """The route tables that fresh connections meet."""
    return {int(httpx.get(f"{place.url}/health", timeout=60).json()["routes"]) for _ in range(FRESH_CONNECTIONS)}


def test_two_workers_take_over_one_table_and_outlive_each_other(place: Deployed) -> None:
    place.start()
    until(lambda: len(place.workers()) == 2, "two workers", seconds=120)
    with place.opened() as work:
        table = current_table(work)
        assert table is not None
        put_table(work, table.model_copy(update={"stable": route("newer")}))
        wanted, began = table.version + 1, time.perf_counter()
    until(lambda: versions(place) == {wanted}, "the table in both", seconds=120)
    sys.stdout.write(f"both workers seen with the new routes after {time.perf_counter() - began:.3f} s\n")
    first, second = sorted(place.workers())
    with place.under_load():
        before = len(place.acknowledged)
        until(lambda: len(place.acknowledged) >= before + 10, "answers", seconds=120)
        os.kill(first, signal.SIGKILL)
        before = len(place.acknowledged)
        until(lambda: len(place.acknowledged) >= before + 10, "answers of the other", seconds=120)
        until(lambda: len(set(place.workers()) - {first}) == 2, "the worker to come back", seconds=120)
    assert second in place.workers()
    place.stop()
    ids = kept(place)
    assert set(place.acknowledged) <= set(ids)
    assert len(ids) == len(set(ids))
