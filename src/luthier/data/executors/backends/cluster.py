"""Tasks on a Ray cluster whose nodes all see the project's folder."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from luthier.data.executors.executor import Executor
from luthier.errors import MissingInput

T = TypeVar("T")
R = TypeVar("R")


class Cluster:
    """Plain Ray tasks from file to file: nothing that follows the size of the cluster decides about bytes."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """The results in the order of `items`."""
        remote = self._ray.remote(num_cpus=1, max_retries=2)(task)
        waiting = [remote.remote(item) for item in items]
        for result in waiting:
            yield self._ray.get(result)


@contextmanager
def cluster(workers: int) -> Iterator[Executor]:
    """The cluster that runs already (RAY_ADDRESS names it), or one of `workers` processes here while it is needed."""
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as fault:
        raise MissingInput("`data.engine: ray` needs Ray", hint="pip install 'luthier[cluster]'") from fault
    ours = not ray.is_initialized()
    if ours:
        _join_or_start(ray, workers)
    try:
        yield Cluster(ray)
    finally:
        if ours:
            ray.shutdown()


def _join_or_start(ray: Any, workers: int) -> None:
    try:
        ray.init(address="auto", log_to_driver=False)
    except ConnectionError:  # no cluster runs, so one of our own
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
