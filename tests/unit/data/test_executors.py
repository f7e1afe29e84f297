"""Executors give the same results in the same order, and a pool ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from luthier.data.executors.backends.cluster import Cluster, join_or_start
from luthier.data.executors.executor import SMALL_BYTES, Here, opened
from luthier.errors import ClusterFault

PARENT = """
import os, sys, time
from luthier.data.executors.processes import pool
from tests.unit.data.test_executors import told

if __name__ == "__main__":
    with pool(2) as executor:
        for _ in executor.run(told, [sys.argv[1]] * 2):
            pass
        print("ready", flush=True)
        time.sleep(60)
"""


def square(number: int) -> int:
    return number * number


def told(folder: str) -> None:
    """Leave the process's number behind."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(0.3)  # so that both processes get a task


def refuse(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


@pytest.mark.parametrize(("workers", "size"), [(1, SMALL_BYTES), (2, SMALL_BYTES), (2, 0)])
def test_results_come_in_the_order_of_the_items(workers: int, size: int) -> None:
    with opened("local", workers=workers, size_bytes=size) as executor:
        assert list(executor.run(square, range(20))) == [number * number for number in range(20)]


def test_little_work_stays_in_this_process() -> None:
    with opened("local", workers=8, size_bytes=SMALL_BYTES - 1) as executor:
        assert isinstance(executor, Here)


def test_an_exception_of_a_task_is_the_caller_s() -> None:
    with opened("local", workers=2, size_bytes=SMALL_BYTES) as executor, pytest.raises(ValueError, match="three"):
        list(executor.run(refuse, range(9)))


class FakeRay:
    """A Ray that no cluster answers: `told` are what its calls of `init` end in, one after another."""

    class exceptions:  # noqa: N801 - Ray's own name
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            pass

    def __init__(self, *told: BaseException) -> None:
        self._told = list(told)
        self.is_down = False

    def init(self, **_: object) -> None:
        raise self._told.pop(0)

    def shutdown(self) -> None:
        self.is_down = True

    def remote(self, *item: object, **_: object) -> object:
        return item or (lambda task: self)

    def get(self, result: object) -> None:
        raise self._told.pop(0)


NOTHING_RUNS = ConnectionError("Could not find any running Ray instance.")


@pytest.mark.parametrize(
    "told",
    [
        (NOTHING_RUNS, Exception("The current node timed out during startup. This could happen")),
        (NOTHING_RUNS, RuntimeError("no room in /tmp")),
        (SystemExit(15),),
        (ValueError("Ray Client requires pip package"),),
    ],
)
def test_a_cluster_that_does_not_come_up_is_one_error_with_its_cause_and_nothing_is_left_running(
    told: tuple[BaseException, ...],
) -> None:
    ray = FakeRay(*told)
    with pytest.raises(ClusterFault, match="no Ray cluster can be joined or started") as refused:
        join_or_start(ray, 2)
    assert refused.value.__cause__ is told[-1]
    assert type(told[-1]).__name__ in refused.value.message
    assert "data.engine=local" in refused.value.hint
    assert refused.value.exit_code == 2
    assert ray.is_down


def test_a_person_who_interrupts_the_start_of_a_cluster_is_obeyed() -> None:
    with pytest.raises(KeyboardInterrupt):
        join_or_start(FakeRay(KeyboardInterrupt()), 2)


def test_a_lost_node_is_told_and_a_fault_of_the_task_is_the_caller_s() -> None:
    with pytest.raises(ClusterFault, match="lost a task"):
        list(Cluster(FakeRay(FakeRay.exceptions.RayError("node died"))).run(square, [1]))
    with pytest.raises(FakeRay.exceptions.RayTaskError):
        list(Cluster(FakeRay(FakeRay.exceptions.RayTaskError("bug"))).run(square, [1]))


def test_no_process_of_a_pool_outlives_a_killed_parent(tmp_path: Path) -> None:
    script, folder = tmp_path / "parent.py", tmp_path / "numbers"
    script.write_text(PARENT)
    folder.mkdir()
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])}
    with subprocess.Popen([sys.executable, script, folder], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        with closing(parent.stdout) as said:
            assert said.readline() == b"ready\n"
        workers = [int(path.name) for path in folder.iterdir()]
        assert workers
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 20
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, workers))


def is_running(number: int) -> bool:
    """Whether a process lives; one that ended and waits for nobody does not."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
