"""A project's `train` section read as a plan reads it."""

import math

from luthier.train.config import TrainConfig
from luthier.train.plan.tuning import Kind, Tuning


def tuning_of(config: TrainConfig, *, longest: int, devices: int = 1, is_sharded: bool = False) -> Tuning:
    """What the section's run would train; `longest` is its longest conversation in tokens, which stands alone."""
    kind: Kind = config.adapter.kind
    longest = min(longest, config.max_tokens_per_example or longest)
    return Tuning(
        kind=kind,
        rank=None if kind == "none" else config.adapter.rank,
        layers=config.adapter.layers,
        optimizer=config.optimizer,
        precision="fp32" if config.precision == "fp32" else "bf16",
        tokens_at_once=max(config.micro_batch_tokens, longest),
        row_tokens=longest,
        is_checkpointed=config.activation_checkpointing,
        devices=devices,
        is_sharded=is_sharded,
    )


def evaluations_of(config: TrainConfig) -> int:
    """How often the validation loss is measured: before the first step and every so many epochs."""
    return 1 + math.ceil(config.epochs / config.evaluate_every_epochs)
