"""One process of a team, started without torchrun's cost."""

from pathlib import Path

import torch
import torch.distributed as dist

from luthier.train.backends import worker


def work(rank: int, size: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    worker.work(folder)
