"""Tasks on a Ray cluster whose nodes all see the project's folder."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from luthier.data.executors.executor import Executor
from luthier.errors import ClusterFault, MissingInput

T = TypeVar("T")
R = TypeVar("R")


_HINT = "`ray status` tells whether one runs (RAY_ADDRESS names it); `--set data.engine=local` does without"


class Cluster:
    """Plain Ray tasks from file to file: nothing that follows the size of the cluster decides about bytes."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """The results in the order of `items`; ClusterFault where the cluster, and not the task, failed."""
        known = self._ray.exceptions
        remote = self._ray.remote(num_cpus=1, max_retries=2)(task)
        waiting = [remote.remote(item) for item in items]
        for result in waiting:
            try:
                yield self._ray.get(result)
            except known.RayTaskError:
                raise
            except known.RayError as fault:
                raise ClusterFault(f"the Ray cluster lost a task ({_told(fault)})", hint=_HINT) from fault


@contextmanager
def cluster(workers: int) -> Iterator[Executor]:
    """The cluster that runs already (RAY_ADDRESS names it), or one of `workers` processes here while it is needed."""
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as fault:
        raise MissingInput("`data.engine: ray` needs Ray", hint="pip install 'luthier[cluster]'") from fault
    ours = not ray.is_initialized()
    if ours:
        join_or_start(ray, workers)
    try:
        yield Cluster(ray)
    finally:
        if ours:
            ray.shutdown()


def join_or_start(ray: Any, workers: int) -> None:
    """`ray` joined to a cluster; ClusterFault, with nothing left running, where that is not possible.

    Ray raises a plain `Exception` where its processes do not come up in the 30 s that it gives them, and ends the whole
    program with `SystemExit` where the address leads nowhere; so everything is caught here, and told by name.
    """
    try:
        try:
            ray.init(address="auto", log_to_driver=False)
        except ConnectionError:  # no cluster runs, so one of our own
            ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    except (Exception, SystemExit) as fault:
        ray.shutdown()
        raise ClusterFault(
            f"`data.engine` is `ray`, and no Ray cluster can be joined or started ({_told(fault)})", hint=_HINT
        ) from fault


def _told(fault: BaseException) -> str:
    """The kind of a fault of Ray's, and the first sentence of what it says."""
    said = str(fault).strip().split("\n")[0].split(". ")[0][:160]
    return f"{type(fault).__name__}: {said}" if said else type(fault).__name__
