"""One optimizer step and one evaluation: the arithmetic on tensors, nothing about when or how often."""

import inspect
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from luthier.errors import EngineFault
from luthier.train.backends.base_model import Machine
from luthier.train.backends.encode import Encoded
from luthier.train.batches import micro_batches
from luthier.train.config import TrainConfig

LANES = 2


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
    lanes: ThreadPoolExecutor | None = None
    """Two threads of one core each that share nothing until their gradients are summed; None is one pass."""

    @classmethod
    def of(
        cls, model: Any, parameters: dict[str, torch.nn.Parameter], machine: Machine, config: TrainConfig
    ) -> "Bench":
        """A bench with a fresh optimizer."""
        optimizer = _optimizer(list(parameters.values()), config)
        takes = inspect.signature(type(model.get_base_model()).forward).parameters
        lanes = _lanes(machine, config)
        return cls(model, optimizer, parameters, machine, picks_logits="logits_to_keep" in takes, lanes=lanes)


def _optimizer(parameters: list[torch.nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    """A fresh one; all that an adapter trains are matrices, which is what Muon is for.

    Muon's updates are scaled to the size that AdamW's have, so that one learning rate suits both (Liu et al., Muon is
    Scalable for LLM Training, 2025).
    """
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "muon":
        return torch.optim.Muon(parameters, lr=rate, weight_decay=decay, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)


def take_step(bench: Bench, batch: Sequence[Encoded], config: TrainConfig, *, rate: float, seed: int) -> StepResult:
    """The adapter moved once by the mean loss over the target tokens of `batch`; EngineFault where it is no number.

    The random state is set anew for every step, so that a resumed run drops out what an unbroken one would have.
    """
    torch.manual_seed(seed)
    bench.model.train()
    targets = sum(sum(row.is_target[1:]) for row in batch)
    loss_sum = _gradients(bench, batch, config, targets)
    norm = torch.nn.utils.clip_grad_norm_(bench.parameters.values(), config.max_gradient_norm).item()
    _check_finite(loss_sum, norm)
    for group in bench.optimizer.param_groups:
        group["lr"] = rate
    bench.optimizer.step()
    bench.optimizer.zero_grad(set_to_none=True)
    return StepResult(loss_sum, targets, sum(len(row.tokens) for row in batch), norm)


def _lanes(machine: Machine, config: TrainConfig) -> ThreadPoolExecutor | None:
    """On two cores and more, two independent halves beat one pass whose small products wait for each other.

    Dropout draws from one random state, whose order two threads would not keep: it stays in one lane.
    """
    if machine.device.type != "cpu" or torch.get_num_threads() < LANES or config.adapter.dropout > 0:
        return None
    return ThreadPoolExecutor(LANES, "lane", initializer=torch.set_num_threads, initargs=(1,))


def _gradients(bench: Bench, batch: Sequence[Encoded], config: TrainConfig, targets: int) -> float:
    """The summed loss of `batch`; its mean's gradients lie in the parameters, summed in a fixed order."""
    ordered = sorted(batch, key=lambda row: len(row.tokens))
    half = -(-len(ordered) // LANES)
    shares = [ordered[:half], ordered[half:]] if bench.lanes and len(ordered) >= LANES else [ordered]

    def work(rows: Sequence[Encoded]) -> tuple[float, list[torch.Tensor]]:
        return _share(bench, rows, config, targets)

    found = list(bench.lanes.map(work, shares)) if bench.lanes else [work(share) for share in shares]
    for parameter, *gradients in zip(bench.parameters.values(), *(share[1] for share in found), strict=True):
        parameter.grad = torch.stack(gradients).sum(dim=0) if len(gradients) > 1 else gradients[0]
    return sum(share[0] for share in found)


def _share(
    bench: Bench, rows: Sequence[Encoded], config: TrainConfig, targets: int
) -> tuple[float, list[torch.Tensor]]:
    loss_sum = 0.0
    parameters = list(bench.parameters.values())
    total = [torch.zeros_like(parameter) for parameter in parameters]
    for part in micro_batches(range(len(rows)), [len(row.tokens) for row in rows], config.micro_batch_tokens):
        loss = _summed_loss(bench, [rows[at] for at in part])
        for so_far, gradient in zip(total, torch.autograd.grad(loss / targets, parameters), strict=True):
            so_far.add_(gradient)
        loss_sum += loss.item()
    return loss_sum, total


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
