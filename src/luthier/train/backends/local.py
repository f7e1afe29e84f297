"""Training in this process, on its CPU or its one accelerator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from luthier.errors import EngineFault, Tampered, UserError
from luthier.train.backends.adapter import write_adapter
from luthier.train.backends.base_model import (
    Machine,
    choose_machine,
    frozen_digest,
    load_tokenizer,
    load_with_adapter,
    trainable,
)
from luthier.train.backends.encode import EncodedSet, encode_all
from luthier.train.backends.loop import Loop
from luthier.train.backends.resume import forget_states
from luthier.train.backends.steps import Bench
from luthier.train.config import TrainConfig
from luthier.train.types import BaseModel, Conversation, Ports, StopReason, TrainingOutcome


@dataclass(frozen=True)
class Job:
    """What one run is made of; `folder` keeps its states, under a name that only this run has."""

    config: TrainConfig
    base: BaseModel
    seed: int
    folder: Path | None


def fit(
    ports: Ports, job: Job, train: Sequence[Conversation], validation: Sequence[Conversation], *, target: Path
) -> TrainingOutcome:
    """The history of one run whose adapter now lies in `target`; the caller's random state is untouched."""
    machine = choose_machine(job.config)
    tokenizer = load_tokenizer(job.base)
    with torch.random.fork_rng():
        model = load_with_adapter(job.base, job.config.adapter, machine, seed=job.seed)
        context = _context_tokens(model, tokenizer)
        rows = encode_all(tokenizer, train, job.config, context_tokens=context, name="training")
        held_out = encode_all(tokenizer, validation, job.config, context_tokens=context, name="validation")
        bench = Bench.of(model, trainable(model), machine, job.config)
        loop = Loop(
            ports=ports, config=job.config, bench=bench, train=rows, validation=held_out, seed=job.seed,
            states=job.folder, keep_evaluated=_keeper(model, job),
        )  # fmt: skip
        reason = _run_unchanged(loop, job)
    write_adapter(model, target, job.base)
    if job.folder is not None:
        forget_states(job.folder)
    return _outcome(loop, job, machine, reason)


def _run_unchanged(loop: Loop, job: Job) -> StopReason:
    """The loop run to its end with every frozen parameter as it was."""
    before = frozen_digest(loop.bench.model)
    try:
        reason = loop.run()
    except EngineFault as fault:
        raise _with_last_good(fault, loop, job) from fault
    if frozen_digest(loop.bench.model) != before:
        raise Tampered("training changed weights of the base model", hint="report this; the adapter was not kept")
    return reason


def _with_last_good(fault: EngineFault, loop: Loop, job: Job) -> EngineFault:
    """The same fault, with the best adapter so far written beside the states and named."""
    if job.folder is None or not hasattr(loop, "best_adapter"):
        return fault
    kept = job.folder / "last-good"
    loop.restore_best()
    if not kept.exists():
        write_adapter(loop.bench.model, kept, job.base)
    return EngineFault(f"{fault.message}; the adapter of step {loop.position.best.step} is kept in {str(kept)!r}",
                       hint=fault.hint)  # fmt: skip


def _keeper(model: Any, job: Job) -> Callable[[int], None]:
    if job.config.keep_checkpoints == "best":
        return lambda _step: None
    if job.folder is None:
        raise UserError("keep_checkpoints is `all` and there is no folder for them", hint="set it to best")
    evaluated = job.folder / "evaluated"

    def keep(step: int) -> None:
        kept = evaluated / f"step-{step:08d}"
        if not kept.exists():
            write_adapter(model, kept, job.base)

    return keep


def _context_tokens(model: Any, tokenizer: Any) -> int:
    """The longest conversation the model can read; a tokenizer that knows more tokens than the model is refused."""
    vocabulary = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > vocabulary:
        raise UserError(
            f"the tokenizer has {len(tokenizer)} tokens, the model only {vocabulary}",
            hint="the folder mixes two models; restore its files",
        )
    return int(getattr(model.config, "max_position_embeddings", tokenizer.model_max_length))


def _outcome(loop: Loop, job: Job, machine: Machine, reason: StopReason) -> TrainingOutcome:
    at = loop.position
    parameters = list(loop.bench.model.parameters())
    return TrainingOutcome(
        base_weights=job.base.weights,
        method=job.config.method,
        config=_flat(job.config.model_dump(mode="json")),
        seed=job.seed,
        curve=at.curve,
        best_step=at.best.step,
        best_validation_loss=at.best.loss,
        stopped_because=reason,
        examples_seen=at.examples_seen,
        tokens_seen=at.tokens_seen,
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        total_parameters=sum(p.numel() for p in parameters),
        seconds=at.seconds,
        left_out=_left_out(loop.train, loop.validation),
        choices=machine.reasons,
    )


def _left_out(train: EncodedSet, validation: EncodedSet) -> dict[str, int]:
    counted = {"too_long": train.too_long, "validation_too_long": validation.too_long}
    return {reason: count for reason, count in counted.items() if count}


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in settings.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": str(value)}
    return flat
