"""Training killed without warning goes on where it was, and ends as if nothing had happened."""

import multiprocessing
import random
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from luthier.train.types import BaseModel
from tests.flow.train import victim
from tests.unit.train.tiny import make_base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_base(tmp_path_factory.mktemp("base"))


def _start(
    base: BaseModel, checkpoints: Path, target: Path, name: str
) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["luthier.train.backends.local", "tests.flow.train.victim"])
    told, tells = context.Pipe(duplex=False)
    process = context.Process(target=victim.train, args=(tells, base, checkpoints, target, name))
    process.start()
    tells.close()
    return process, told


def _steps_told(told: Connection, until: int | None = None) -> list[int]:
    """The steps heard of, up to one or to the end of the process."""
    heard: list[int] = []
    while until is None or not heard or heard[-1] < until:
        try:
            heard.append(told.recv())
        except EOFError:
            break
    return heard


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _kill_and_finish(base: BaseModel, tmp_path: Path, name: str, *, kills: int, seed: int) -> None:
    whole, _ = _start(base, tmp_path / "whole-states", tmp_path / "whole", name)
    draws = random.Random(seed)
    moments = sorted(draws.randint(1, 28) for _ in range(kills))
    resumed = 0
    for moment in moments:
        process, told = _start(base, tmp_path / "states", tmp_path / "killed", name)
        heard = _steps_told(told, until=moment)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert not (tmp_path / "killed").exists()
        resumed += heard[0] > 0
    last, told = _start(base, tmp_path / "states", tmp_path / "killed", name)
    heard = _steps_told(told)
    last.join()
    whole.join()
    assert (whole.exitcode, last.exitcode) == (0, 0)
    assert heard[0] > 0, "the last attempt began anew, so nothing was resumed"
    assert resumed
    assert _bytes(tmp_path / "killed") == _bytes(tmp_path / "whole")
    assert not list((tmp_path / "states").rglob("state-*"))


@pytest.mark.parametrize("name", ["sft", "muon", "dpo", "kto", "full"])
def test_a_run_killed_three_times_ends_with_the_same_bytes(base: BaseModel, tmp_path: Path, name: str) -> None:
    _kill_and_finish(base, tmp_path, name, kills=3, seed=1)


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_with_the_same_bytes(base: BaseModel, tmp_path: Path) -> None:
    _kill_and_finish(base, tmp_path, "sft", kills=20, seed=2)
