"""When the numbers of a run, or its memory, say that it cannot go on: what happened, and what to try."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from luthier.errors import EngineFault
from luthier.train.config import TrainConfig

HINT = "lower train.learning_rate, or raise train.warmup_share"
OUT_OF_MEMORY = ("DefaultCPUAllocator", "not enough memory", "out of memory", "Cannot allocate memory")


def check_finite(loss: float, norm: float = 0.0) -> None:
    """EngineFault where a loss or the length of a gradient is no number."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        what = "loss" if not math.isfinite(loss) else "gradient"
        raise EngineFault(f"training diverged: the {what} is no finite number any more", hint=HINT)


def check_length(norm: float, config: TrainConfig) -> None:
    """EngineFault where a gradient is longer than the run may go on with."""
    if norm > config.stop_at_gradient_norm:
        raise EngineFault(
            f"training diverged: a gradient of length {norm:.3g} exceeds train.stop_at_gradient_norm "
            f"({config.stop_at_gradient_norm:g})",
            hint=HINT,
        )


@contextmanager
def memory_told(config: TrainConfig) -> Iterator[None]:
    """Running out of memory inside the block is an EngineFault that says what to lower."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as fault:
        is_memory = isinstance(fault, MemoryError | torch.OutOfMemoryError)
        if not is_memory and not any(mark in str(fault) for mark in OUT_OF_MEMORY):
            raise
        lower = f"lower train.micro_batch_tokens (now {config.micro_batch_tokens}; the result stays the same)"
        smaller = "" if config.adapter.kind == "qlora" else ", or choose adapter.kind: qlora"
        raise EngineFault("training ran out of memory", hint=f"{lower}{smaller}") from fault
