"""Layers computed again on the way back give the same run and keep less on the way there."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from luthier.train.config import LoraConfig, TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, TrainingOutcome
from tests.unit.train.tiny import FakePorts, task

CONFIG = TrainConfig(epochs=1, learning_rate=3e-3, batch_size=16, evaluate_every_epochs=1, adapter=LoraConfig(rank=4))


def _run(base: BaseModel, target: Path, **changes: Any) -> tuple[TrainingOutcome, int]:
    """The outcome, and how many bytes autograd was given to keep."""
    kept = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.nbytes
        return tensor

    config = CONFIG.model_copy(update=changes)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outcome = run(FakePorts(), config, base, task(48, seed=1), task(16, seed=2), target=target)
    return outcome, kept


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_checkpoints_change_no_figure_and_keep_fewer_bytes(base: BaseModel, tmp_path: Path, kind: str) -> None:
    adapter = LoraConfig.model_validate({"rank": 4, "kind": kind})
    plain, kept = _run(base, tmp_path / "plain", adapter=adapter)
    again, kept_again = _run(base, tmp_path / "again", adapter=adapter, activation_checkpointing=True)
    assert [point.train_loss for point in again.curve] == pytest.approx([p.train_loss for p in plain.curve], abs=1e-6)
    weights = [load_file(tmp_path / name / "adapter_model.safetensors") for name in ("plain", "again")]
    assert all(torch.allclose(weights[0][name], weights[1][name], atol=1e-6) for name in weights[0])
    assert kept_again < kept / 2
