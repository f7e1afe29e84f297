"""The training loop: Muon for the hidden matrices, AdamW for the rest, a schedule in minutes, resumable.

Muon (orthogonalised momentum) learns more per token than AdamW, and here tokens are what is short.
"""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from models.base.corpus import PARTS, Mixture, Rows
from models.base.tokenizer import MAX_CONTEXT_TOKENS
from models.base.wiring import wire_for_copying


@dataclass(frozen=True)
class Recipe:
    """All that fixes a run besides its data and its minutes."""

    hidden_size: int = 256
    layers: int = 5
    heads: int = 8
    key_value_heads: int = 8
    rotary_base: float = 500_000.0
    starts_copying: bool = True
    feed_forward_size: int = 512
    matrix_rate: float = 4e-3
    embedding_rate: float = 1.2e-3
    weight_decay: float = 0.02
    warmup_share: float = 0.03
    decay_share: float = 0.85
    second_peak: float = 0.75
    batch_tokens: int = 3840
    echo_share: float = 0.05
    short_row: int = 320
    long_row: int = 960
    long_from_share: float = 0.55
    long_every_steps: int = 3
    seed: int = 20261122


@dataclass
class Progress:
    """How far a run has come; kept with the weights."""

    step: int = 0
    tokens: int = 0
    trained_seconds: float = 0.0


def build_model(recipe: Recipe, vocabulary_size: int, end_id: int, pad_id: int) -> LlamaForCausalLM:
    """A freshly initialised Llama of the recipe's shape."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.key_value_heads,
        head_dim=recipe.hidden_size // recipe.heads,
        intermediate_size=recipe.feed_forward_size,
        max_position_embeddings=MAX_CONTEXT_TOKENS,
        tie_word_embeddings=True,
        initializer_range=0.04,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.rotary_base},
        rms_norm_eps=1e-5,
        bos_token_id=None,
        eos_token_id=end_id,
        pad_token_id=pad_id,
    )
    model = LlamaForCausalLM(config)
    if recipe.starts_copying:
        wire_for_copying(model, recipe.seed)
    return model


def optimizers(model: LlamaForCausalLM, recipe: Recipe) -> tuple[torch.optim.Optimizer, ...]:
    """AdamW over embeddings and norms, then Muon over the layers' matrices in two halves that can step at once."""
    hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n and "lm_head" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    adam = torch.optim.AdamW(others, lr=recipe.embedding_rate, betas=(0.9, 0.97), weight_decay=0.0, fused=True)
    rate, decay = recipe.matrix_rate, recipe.weight_decay
    halves = [
        torch.optim.Muon(half, lr=rate, weight_decay=decay, momentum=0.95, adjust_lr_fn="match_rms_adamw")
        for half in (hidden[::2], hidden[1::2])
    ]
    return adam, *halves


def rate_share(recipe: Recipe, minute: float, cycle_ends: tuple[float, ...]) -> float:
    """The learning rate at `minute` as a share of its peak: warm-up, plateau, fall to 2% at the end of each cycle."""
    start, number = 0.0, 0
    for end in cycle_ends[:-1]:
        if minute >= end:
            start, number = end, number + 1
    length = cycle_ends[number] - start
    done = (minute - start) / length
    peak = 1.0 if number == 0 else recipe.second_peak
    if done < recipe.warmup_share:
        return peak * max(0.02, done / recipe.warmup_share)
    return peak * max(0.02, min(1.0, (1.0 - done) / recipe.decay_share))


def token_losses(model: LlamaForCausalLM, ids: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """Natural-log loss of the counted targets only, so no logits are made for prompt positions of drills."""
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state[counted]
    logits = hidden @ model.model.embed_tokens.weight.to(hidden.dtype).T
    return cross_entropy(logits.float(), ids[:, 1:][counted], reduction="none")


class Trainer:
    """One run in one folder; a new object on the same folder goes on where the last one was killed."""

    def __init__(self, model: LlamaForCausalLM, mixture: Mixture, recipe: Recipe, folder: Path) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model: Any = model
        torch.nn.Module.to(model, self.device)
        self.mixture, self.recipe, self.folder = mixture, recipe, folder
        self.optimizers = optimizers(model, recipe)
        self.progress = Progress()
        self.sums, self.lock = torch.zeros(2, len(PARTS)), Lock()
        # On a CPU two threads that share nothing until the sum beat one pass over two cores by 20%: no barriers.
        self.workers = 1 if self.device.type == "cuda" else 2
        self.pool = ThreadPoolExecutor(self.workers, initializer=torch.set_num_threads, initargs=(1,))
        if (folder / "checkpoint.pt").exists():
            self._load()

    def _load(self) -> None:
        state: dict[str, Any] = torch.load(self.folder / "checkpoint.pt", map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.progress = Progress(**state["progress"])

    def save(self) -> None:
        """The folder's checkpoint is this state, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress),
        }
        torch.save(state, self.folder / "checkpoint.tmp")
        (self.folder / "checkpoint.tmp").replace(self.folder / "checkpoint.pt")

    def run(self, cycle_ends: tuple[float, ...], on_cycle: Callable[[int], None]) -> None:
        """The model has trained for the last of `cycle_ends` minutes; `on_cycle` was called after each cycle."""
        self.model.train()
        marked = saved = time.monotonic()
        tokens_then = self.progress.tokens
        while (minute := self.progress.trained_seconds / 60) < cycle_ends[-1]:
            began = time.monotonic()
            self._set_rates(rate_share(self.recipe, minute, cycle_ends))
            self._step(is_long=minute > self.recipe.long_from_share * cycle_ends[0])
            now = time.monotonic()
            self.progress.trained_seconds += now - began
            if self.progress.step % 50 == 0:
                self._log((self.progress.tokens - tokens_then) / (now - marked))
                marked, tokens_then = now, self.progress.tokens
            if now - saved > 60:
                self.save()
                saved = now
            for number, end in enumerate(cycle_ends, 1):
                if minute < end <= self.progress.trained_seconds / 60:
                    self.save()
                    on_cycle(number)

    def _set_rates(self, share: float) -> None:
        for optimizer in self.optimizers:
            is_muon = isinstance(optimizer, torch.optim.Muon)
            for group in optimizer.param_groups:
                group["lr"] = share * (self.recipe.matrix_rate if is_muon else self.recipe.embedding_rate)

    def _step(self, *, is_long: bool) -> None:
        recipe = self.recipe
        takes_long = is_long and self.progress.step % recipe.long_every_steps == 0
        length = recipe.long_row if takes_long else recipe.short_row
        rows = self.mixture.rows(self.progress.step, recipe.batch_tokens // length, length, recipe.echo_share)
        total = float(rows.weights.sum())
        share = -(-len(rows.ids) // self.workers)
        slices = [slice(start, start + share) for start in range(0, len(rows.ids), share)]
        found = list(self.pool.map(lambda part: self._gradients(rows, part, total), slices))
        for weight, *gradients in zip(self.model.parameters(), *found, strict=True):
            weight.grad = torch.stack(gradients).sum(0) if len(gradients) > 1 else gradients[0]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        list(self.pool.map(lambda optimizer: optimizer.step(), self.optimizers))
        self.progress.step += 1
        self.progress.tokens += rows.weights.size

    def _gradients(self, rows: Rows, part: slice, total: float) -> tuple[torch.Tensor, ...]:
        ids, weights, parts = (torch.from_numpy(field[part]) for field in (rows.ids, rows.weights, rows.parts))
        counted = weights > 0
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=uses_bf16(self.device)):
            losses = token_losses(self.model, ids.to(self.device), counted.to(self.device))
        loss = losses @ weights[counted].to(self.device) / total
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        with self.lock:
            self.sums[0].index_add_(0, parts[counted], losses.detach().cpu())
            self.sums[1].index_add_(0, parts[counted], torch.ones(int(counted.sum())))
        return gradients

    def _log(self, tokens_per_second: float) -> None:
        mean = {p: round(float(s / n), 4) for p, s, n in zip(PARTS, *self.sums, strict=True) if n > 0}
        line = {
            "step": self.progress.step,
            "tokens": self.progress.tokens,
            "minute": round(self.progress.trained_seconds / 60, 2),
            "tokens_per_second": round(tokens_per_second),
            "loss": mean,
        }
        with (self.folder / "train.log").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        self.sums.zero_()


def uses_bf16(device: torch.device) -> bool:
    """Whether matrix products run in bf16: on a GPU, or where the run asks for it on a CPU with AVX512-BF16."""
    return device.type == "cuda" or os.environ.get("LUTHIER_BASE_BF16") == "1"
