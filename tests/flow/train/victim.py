"""A training run in a process of its own, made to be killed."""

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from luthier.domain.runs import CurvePoint
from luthier.train.config import TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel
from tests.unit.train.tiny import judgements, pairs, task

LORA = {"rank": 8, "alpha": 16, "dropout": 0.1}
COMMON = {
    "epochs": 3, "learning_rate": 3e-3, "batch_size": 16, "evaluate_every_epochs": 0.5, "checkpoint_every_steps": 2,
    "adapter": LORA,
}  # fmt: skip
RUNS: dict[str, dict[str, object]] = {
    "sft": {},
    "muon": {"optimizer": "muon"},
    "dpo": {"method": "dpo"},
    "kto": {"method": "kto"},
    "full": {
        "adapter": {"kind": "none"}, "learning_rate": 1e-3,
        "justification": "A test that a run of every weight resumes as well.",
    },
}  # fmt: skip


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


def train(told: Connection, base: BaseModel, checkpoints: Path | None, target: Path, name: str) -> None:
    torch.set_num_threads(1)
    config = TrainConfig.model_validate(COMMON | RUNS[name])
    rows = {"dpo": pairs, "kto": judgements}.get(name, task)
    run(PipePorts(told, checkpoints), config, base, rows(160, seed=1), rows(32, seed=2), target=target)
