"""A bench as a run sets it up, and a plain loop of PyTorch, transformers and peft to hold it against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from luthier.train.backends.attention import attends
from luthier.train.backends.base_model import choose_machine, load_tokenizer
from luthier.train.backends.encode import Encoded
from luthier.train.backends.fused import fuse
from luthier.train.backends.kinds import prepare_model, trainable
from luthier.train.backends.prepared import Prepared, prepare
from luthier.train.backends.references import References
from luthier.train.backends.steps import Bench, take_step
from luthier.train.backends.teacher import load_teacher
from luthier.train.config import TrainConfig
from luthier.train.types import BaseModel, Row

RATE = 2e-3


@dataclass
class Set:
    """Everything a step needs."""

    bench: Bench
    prepared: Prepared
    config: TrainConfig

    def losses(self, steps: int) -> list[float]:
        """The mean loss of each step on one batch after the other, `batch_size` entries each."""
        found = []
        for step in range(steps):
            result = take_step(self.bench, self.prepared.objective, self.batch(step), self.config, rate=RATE, seed=step)
            found.append(result.loss_sum / result.count)
        return found

    def batch(self, step: int) -> list[Any]:
        size = self.config.batch_size
        return self.prepared.train[step * size : (step + 1) * size]


def set_up(
    base: BaseModel,
    config: TrainConfig,
    rows: Sequence[Row],
    *,
    teacher: BaseModel | None = None,
    references: Path | None = None,
    sheets: bool = True,
) -> Set:
    machine = choose_machine(config)
    model = prepare_model(base, config.adapter, machine, seed=0)
    tokenizer = load_tokenizer(base)
    taught_by = load_teacher(teacher, machine, tokenizer, micro_batch_tokens=999) if teacher else None
    prepared = prepare(config, tokenizer, rows, rows[:2], context_tokens=256, teacher=taught_by)
    assert not sheets or attends(model)
    if sheets:
        fuse(model)
    kept = References(references, base.weights)
    bench = Bench.of(model, trainable(model), machine, config, references=kept, reads_sheets=sheets)
    prepared.train[:] = prepared.objective.settle(bench, prepared.train)
    return Set(bench, prepared, config)


def plain_losses(
    base: BaseModel, config: TrainConfig, steps: int, loss: Callable[[Any, Any, int], torch.Tensor]
) -> list[float]:
    """What a plain loop of steps gives: `loss(model, reference, step)` is the mean loss of a batch."""
    model = prepare_model(base, config.adapter, choose_machine(config), seed=0)
    reference = AutoModelForCausalLM.from_pretrained(base.folder)
    parameters = list(trainable(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.0)
    found = []
    for step in range(steps):
        mean = loss(model, reference, step)
        optimizer.zero_grad()
        mean.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.max_gradient_norm)
        optimizer.step()
        found.append(mean.item())
    return found


def log_prob(model: Any, text: Encoded) -> torch.Tensor:
    """Of a text's targets together, the text alone in the model."""
    return token_log_probs(model, text).gather(1, torch.tensor(text.tokens)[text.targets][:, None]).sum()


def token_log_probs(model: Any, text: Encoded) -> torch.Tensor:
    """The distribution before each target, shape [targets, vocabulary]."""
    logits = model(input_ids=torch.tensor([text.tokens])).logits[0]
    return torch.log_softmax(logits.float(), dim=-1)[torch.from_numpy(text.targets) - 1]
