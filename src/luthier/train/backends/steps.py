"""One optimizer step and one evaluation: the arithmetic on tensors, nothing about when or how often."""

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from luthier.errors import EngineFault
from luthier.train.backends.base_model import Machine
from luthier.train.backends.encode import Encoded
from luthier.train.batches import micro_batches
from luthier.train.config import TrainConfig


@dataclass(frozen=True)
class StepResult:
    """What one step saw."""

    loss_sum: float
    targets: int
    tokens: int
    gradient_norm: float


@dataclass(frozen=True)
class Bench:
    """The mutable things of a run: model and optimizer, on their machine."""

    model: Any
    optimizer: torch.optim.Optimizer
    parameters: dict[str, torch.nn.Parameter]
    machine: Machine
    picks_logits: bool
    """Whether the model can compute logits at the target positions alone, which saves about a sixth of the time."""

    @classmethod
    def of(
        cls, model: Any, parameters: dict[str, torch.nn.Parameter], machine: Machine, config: TrainConfig
    ) -> "Bench":
        """A bench with a fresh optimizer."""
        optimizer = torch.optim.AdamW(
            list(parameters.values()), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        takes = inspect.signature(type(model.get_base_model()).forward).parameters
        return cls(model, optimizer, parameters, machine, picks_logits="logits_to_keep" in takes)


def take_step(bench: Bench, batch: Sequence[Encoded], config: TrainConfig, *, rate: float, seed: int) -> StepResult:
    """The adapter moved once by the mean loss over the target tokens of `batch`; EngineFault where it is no number.

    The random state is set anew for every step, so that a resumed run drops out what an unbroken one would have.
    """
    torch.manual_seed(seed)
    bench.model.train()
    targets = sum(sum(row.is_target[1:]) for row in batch)
    loss_sum = 0.0
    for part in micro_batches(range(len(batch)), [len(row.tokens) for row in batch], config.micro_batch_tokens):
        loss = _summed_loss(bench, [batch[at] for at in part])
        (loss / targets).backward()  # type: ignore[no-untyped-call]
        loss_sum += loss.item()
    norm = torch.nn.utils.clip_grad_norm_(bench.parameters.values(), config.max_gradient_norm).item()
    _check_finite(loss_sum, norm)
    for group in bench.optimizer.param_groups:
        group["lr"] = rate
    bench.optimizer.step()
    bench.optimizer.zero_grad(set_to_none=True)
    return StepResult(loss_sum, targets, sum(len(row.tokens) for row in batch), norm)


def validation_loss(bench: Bench, rows: Sequence[Encoded], config: TrainConfig) -> float:
    """Mean nats per target token over `rows`, without dropout; EngineFault where it is no number."""
    bench.model.eval()
    parts = micro_batches(range(len(rows)), [len(row.tokens) for row in rows], config.micro_batch_tokens)
    with torch.inference_mode():
        loss_sum = sum(_summed_loss(bench, [rows[at] for at in part]).item() for part in parts)
    _check_finite(loss_sum, 0.0)
    return loss_sum / sum(sum(row.is_target[1:]) for row in rows)


def _summed_loss(bench: Bench, rows: Sequence[Encoded]) -> torch.Tensor:
    """Nats over the target tokens. Padding stands on the right, where a causal model never looks back from a target."""
    longest = max(len(row.tokens) for row in rows)
    tokens = torch.zeros((len(rows), longest), dtype=torch.long)
    predicts = torch.zeros((len(rows), longest), dtype=torch.bool)
    for at, row in enumerate(rows):
        tokens[at, : len(row.tokens)] = torch.tensor(row.tokens)
        predicts[at, : len(row.tokens) - 1] = torch.tensor(row.is_target[1:])
    wanted = tokens.roll(-1, dims=1)[predicts].to(bench.machine.device)
    tokens, predicts = tokens.to(bench.machine.device), predicts.to(bench.machine.device)
    return cross_entropy(_logits_at(bench, tokens, predicts).float(), wanted, reduction="sum")


def _logits_at(bench: Bench, tokens: torch.Tensor, predicts: torch.Tensor) -> torch.Tensor:
    is_low = bench.machine.compute != torch.float32
    with torch.autocast(bench.machine.device.type, bench.machine.compute, enabled=is_low):
        if bench.picks_logits:
            logits: torch.Tensor = bench.model(input_ids=tokens, use_cache=False, logits_to_keep=predicts).logits
            return logits
        return bench.model(input_ids=tokens, use_cache=False).logits[predicts]  # type: ignore[no-any-return]


def _check_finite(loss_sum: float, norm: float) -> None:
    if not (math.isfinite(loss_sum) and math.isfinite(norm)):
        what = "loss" if not math.isfinite(loss_sum) else "gradient"
        raise EngineFault(
            f"training diverged: the {what} is no finite number any more",
            hint="lower train.learning_rate, or raise train.warmup_share",
        )
