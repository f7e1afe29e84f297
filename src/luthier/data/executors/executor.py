"""What an executor is, and which one a build gets."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Engine = Literal["local", "ray"]

SMALL_BYTES = 24_000_000
"""Below this a pool costs more than it saves: its processes take about two seconds to start."""


class Executor(Protocol):
    """Something that runs independent tasks; a task is a function of a module, its item and result can be pickled."""

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """The results in the order of `items`, as they come; the first exception ends the rest."""
        ...


class Here:
    """One task after the other in this process."""

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """The results in the order of `items`."""
        return map(task, items)


def opened(engine: Engine, *, workers: int, size_bytes: int) -> AbstractContextManager[Executor]:
    """The executor for so many bytes of sources; it is closed again at the end.

    Args:
        engine: `local` for this machine, `ray` for a cluster.
        workers: Tasks at once; one of them needs no pool.
        size_bytes: What the sources weigh; little work stays in this process.

    """
    if engine == "ray":
        from luthier.data.executors.backends.cluster import cluster  # noqa: PLC0415 - an extra, and 1.5 s to import

        return cluster(workers)
    if workers == 1 or size_bytes < SMALL_BYTES:
        return nullcontext(Here())
    from luthier.data.executors.processes import pool  # noqa: PLC0415 - only where there is a pool

    return pool(workers)
