"""One process of a team, started without torchrun's cost."""

from pathlib import Path

import torch
import torch.distributed as dist

from luthier.train.backends import worker
from luthier.train.backends.base_model import choose_machine
from luthier.train.backends.kinds import prepare_model
from luthier.train.backends.sharding import shard
from luthier.train.backends.team import Team
from luthier.train.backends.tensors import share_of
from luthier.train.config import LoraConfig, TrainConfig
from luthier.train.types import BaseModel
from luthier.variants.engines.folders import weights_digest


def work(rank: int, size: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    worker.work(folder)


def hold(rank: int, size: int, folder: Path, base: Path) -> None:
    """Writes how many of all frozen weights this process holds once they lie in shares."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    model = prepare_model(
        BaseModel(base, weights_digest(base)), LoraConfig(rank=4, alpha=8), choose_machine(TrainConfig()), seed=0,
        is_sharded=True,
    )  # fmt: skip
    frozen = [parameter for parameter in model.parameters() if not parameter.requires_grad]
    whole = sum(parameter.numel() for parameter in frozen)
    shard(model, Team(rank, size))
    left = [parameter for parameter in model.parameters() if not parameter.requires_grad]
    held = sum(share_of(parameter).numel() for parameter in left)
    trained = sum(share_of(parameter).numel() for parameter in model.parameters() if parameter.requires_grad)
    (folder / f"held-{rank}").write_text(f"{held} {whole} {trained}")
    dist.destroy_process_group()
