"""The gateway's processes: killed at any moment nothing acknowledged is lost; with the store away they go on."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest

from luthier.gateway.snapshot import read_snapshot
from luthier.lifecycle.routes import current_table, put_table
from tests.flow.gateway.faulty import Faulty, failing
from tests.flow.gateway.processes import Deployed, deployed, kept, lines
from tests.flow.gateway.serving import route
from tests.flow.serving.served import until


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployed]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with failing(Faulty()) as backend:
        found = deployed(tmp_path / "project", backend, port)
        yield found
        if found.process is not None and found.process.poll() is None:
            found.stop()


def kill_again_and_again(place: Deployed, *, times: int, draws: Random) -> None:
    """Kill a worker or the courier while clients ask, and see each time that what was acknowledged is kept."""
    place.start()
    for turn in range(times):
        with place.under_load():
            wanted = len(place.acknowledged) + draws.randrange(1, 12)
            until(lambda wanted=wanted: len(place.acknowledged) >= wanted, "answers", seconds=300)
            [worker] = place.workers()
            assert place.process is not None
            os.kill(worker if turn % 2 == 0 else place.process.pid, signal.SIGKILL)
        if turn % 2:
            place.process.wait(60)
            until(lambda: not place.workers(), "the orphaned worker to end", seconds=120)
            place.start()
        else:
            until(lambda worker=worker: place.workers() not in ([], [worker]), "a new worker", seconds=120)
            until(lambda: place.ask("after") is not None, "an answer", seconds=120)
        assert set(place.acknowledged) <= set(kept(place))
    ids = kept(place)
    assert len(ids) == len(set(ids))


def test_nothing_acknowledged_is_lost_when_a_worker_and_the_courier_are_killed(place: Deployed) -> None:
    kill_again_and_again(place, times=2, draws=Random(3))


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing(place: Deployed) -> None:
    kill_again_and_again(place, times=200, draws=Random(4))


def test_with_the_store_away_known_keys_are_served_also_after_a_restart_and_all_is_kept(place: Deployed) -> None:
    place.start()
    home = place.folder / ".luthier"
    database = home / "luthier.db"
    kept(place)
    for file in home.glob("luthier.db*"):
        shutil.move(file, place.folder / f"away-{file.name}")
    database.mkdir()  # nothing that wants to open the database can
    assert all(place.ask(f"rep-{number}") for number in range(20))
    place.stop()
    place.start()
    assert all(place.ask(f"rep-{number}") for number in range(20))
    wrong = httpx.get(f"{place.url}/v1/models", headers={"authorization": f"Bearer {place.key}x"})
    assert wrong.status_code == 401
    database.rmdir()
    for file in place.folder.glob("away-luthier.db*"):
        shutil.move(file, home / file.name.removeprefix("away-"))
    assert set(place.acknowledged) <= set(kept(place))
    [worker] = place.workers()
    before = read_snapshot(home / "gateway" / "snapshot.json").table.version
    with place.opened() as work:
        table = current_table(work)
        assert table is not None
        put_table(work, table.model_copy(update={"stable": route("newer")}))
    until(lambda: httpx.get(f"{place.url}/health").json()["routes"] > before, "the courier to come back", seconds=120)
    assert place.workers() == [worker]


def test_changes_of_routes_and_keys_reach_a_running_worker_and_its_log_tells_no_content(place: Deployed) -> None:
    place.start()
    first = place.ask("mia")
    assert first is not None
    headers = {"authorization": f"Bearer {place.key}"}
    said = {"response_id": first, "kind": "solved", "value": True}
    assert httpx.post(f"{place.url}/v1/feedback", json=said, headers=headers).status_code == 201
    made_up = said | {"response_id": "chatcmpl-" + "0" * 40}
    assert httpx.post(f"{place.url}/v1/feedback", json=made_up, headers=headers).status_code == 404
    with place.opened() as work:
        table = current_table(work)
        assert table is not None
        put_table(work, table.model_copy(update={"switch": "killed"}))
        body = {"model": "crm-updates", "messages": [{"role": "user", "content": "hello"}]}

        def release() -> str:
            answer = httpx.post(f"{place.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
            return answer.headers["x-luthier-release"]

        until(lambda: release() == "base", "the switch", seconds=120)
        until(lambda: len(work.store.interactions.feedback()) == 1, "the courier", seconds=120)
        [key] = work.store.identity.keys("app")
        work.store.identity.revoke_key(key.key_id, work.clock())
    until(lambda: place.ask("mia") is None, "the revoked key to open nothing", seconds=120)
    told = lines(place)
    assert {line["event"] for line in told} >= {"listening"}
    assert "hello" not in (place.folder / "gateway.log").read_text()
