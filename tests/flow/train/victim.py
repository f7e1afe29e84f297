"""A training run in a process of its own, made to be killed."""

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from luthier.domain.runs import CurvePoint
from luthier.train.config import LoraConfig, Optimizer, TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel
from tests.unit.train.tiny import task

CONFIG = TrainConfig(
    epochs=3, learning_rate=3e-3, batch_size=16, evaluate_every_epochs=0.5, checkpoint_every_steps=2,
    adapter=LoraConfig(rank=8, alpha=16, dropout=0.1),
)  # fmt: skip


@dataclass
class PipePorts:
    """Tells every point's step to another process."""

    told: Connection
    checkpoints: Path | None

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    def stop_requested(self) -> bool:
        return False

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        self.told.send(point.step)


def train(told: Connection, base: BaseModel, checkpoints: Path | None, target: Path, optimizer: Optimizer) -> None:
    torch.set_num_threads(1)
    config = CONFIG.model_copy(update={"optimizer": optimizer})
    run(PipePorts(told, checkpoints), config, base, task(160, seed=1), task(32, seed=2), target=target)
