"""A pool of fresh processes on this machine."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TypeVar

import pyarrow as pa

from luthier.data.executors.executor import Executor

T = TypeVar("T")
R = TypeVar("R")


class Processes:
    """Tasks in the processes of a pool."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """The results in the order of `items`."""
        return self._pool.map(task, items)


@contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """So many processes, started fresh: a fork would copy the locks of our threads and the memory of our passes."""
    processes = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield Processes(processes)
    finally:
        processes.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """One thread for each process, whose life ends with the process that started it, even when that is killed."""
    pa.set_cpu_count(1)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
