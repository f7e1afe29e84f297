"""One of several processes of a run: joins the others, trains its share, and leaves the result in the run's folder.

torchrun starts it as `python -m luthier.train.backends.worker FOLDER`; Ray Train calls `work`.
"""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from luthier.domain.runs import CurvePoint
from luthier.errors import LuthierError
from luthier.train.backends import local
from luthier.train.backends.team import Team, TeamPorts
from luthier.train.durable import file_in_one_move
from luthier.train.errand import Errand, Fault, News


@dataclass(frozen=True)
class WorkerPorts:
    """Ports over a folder: news go into a file, and a file asks to stop."""

    folder: Path
    checkpoints: Path | None
    parent: int | None
    """The process that waits for the result; whoever works for nobody stops. None is on another machine."""

    def monotonic_seconds(self) -> float:
        """The clock of one process; the team takes the first one's."""
        return time.monotonic()

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        """One more line of news."""
        with (self.folder / "news.jsonl").open("a", encoding="utf-8") as file:
            file.write(News(point=point, done=done, of=of).model_dump_json() + "\n")

    def stop_requested(self) -> bool:
        """Whether somebody asked, or nobody waits any more."""
        return (self.folder / "stop").exists() or (self.parent is not None and not _is_alive(self.parent))


def work(folder: Path) -> None:
    """The share of this process is done; the first process's outcome, or its fault, lies in `folder`."""
    is_remote = not dist.is_initialized()
    on_cuda = torch.cuda.is_available()
    if is_remote:
        dist.init_process_group("nccl" if on_cuda else "gloo")
    if on_cuda:
        torch.cuda.set_device(dist.get_node_local_rank(fallback_rank=0))
    team = Team(dist.get_rank(), dist.get_world_size(), torch.device("cuda") if on_cuda else torch.device("cpu"))
    try:
        _train(folder, team)
    except LuthierError as fault:
        file_in_one_move(folder / "fault.json", Fault.of(fault).model_dump_json().encode())
        raise  # the others may wait for this process, and whoever started them ends them when one fails
    finally:
        if is_remote:
            dist.destroy_process_group()


def _train(folder: Path, team: Team) -> None:
    errand = Errand.model_validate_json((folder / "errand.json").read_bytes())
    torch.set_num_threads(max(1, torch.get_num_threads() // errand.processes_here))
    teacher = errand.teacher.value() if errand.teacher is not None else None
    job = local.Job(errand.config, errand.base.value(), errand.seed, errand.states, teacher, team)
    ports = TeamPorts(WorkerPorts(folder, errand.states, errand.parent), team)
    outcome = local.fit(ports, job, errand.train, errand.validation, target=errand.target)
    if team.is_first:
        (folder / "outcome.json").write_text(outcome.model_dump_json(), encoding="utf-8")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    work(Path(sys.argv[1]))
