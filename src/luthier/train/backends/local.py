"""Training in this process, on its CPU or its one accelerator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from luthier.errors import EngineFault, Tampered, UserError
from luthier.train.backends.attention import attends, bare
from luthier.train.backends.base_model import Machine, choose_machine, frozen_digest, load_tokenizer
from luthier.train.backends.faults import memory_told
from luthier.train.backends.fused import fuse
from luthier.train.backends.kinds import parameter_counts, prepare_model, trainable, write_trained
from luthier.train.backends.loop import Loop
from luthier.train.backends.prepared import Prepared, learns_distributions, prepare
from luthier.train.backends.probe import Probe
from luthier.train.backends.references import References
from luthier.train.backends.resume import forget_states
from luthier.train.backends.sharding import shard
from luthier.train.backends.steps import Bench
from luthier.train.backends.teacher import load_teacher
from luthier.train.backends.team import ALONE, Team
from luthier.train.config import TrainConfig
from luthier.train.types import BaseModel, Exam, Ports, Row, StopReason, TrainingOutcome


@dataclass(frozen=True)
class Job:
    """What one run is made of; `folder` keeps its states, under a name that only this run has."""

    config: TrainConfig
    base: BaseModel
    seed: int
    folder: Path | None
    teacher: BaseModel | None = None
    team: Team = ALONE
    exam: Exam | None = None


def fit(ports: Ports, job: Job, train: Sequence[Row], validation: Sequence[Row], *, target: Path) -> TrainingOutcome:
    """The history of one run whose adapter now lies in `target`; the caller's random state is untouched.

    Of a team only its first process writes anything.
    """
    machine = choose_machine(job.config)
    with torch.random.fork_rng(), memory_told(job.config):
        model = prepare_model(job.base, job.config.adapter, machine, seed=job.seed, is_sharded=job.config.is_sharded)
        if job.config.activation_checkpointing:
            model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
        prepared = _prepared(job, model, machine, train, validation)
        bench = _bench(job, model, machine)
        loop = Loop(
            ports=ports, config=job.config, bench=bench, objective=prepared.objective, train=prepared.train,
            validation=prepared.held_out, seed=job.seed, states=job.folder, keep_evaluated=_keeper(model, job),
            probe=_probe(job, model),
        )  # fmt: skip
        reason = _run_unchanged(loop, job)
    if job.team.is_first:
        write_trained(model, target, job.base)
        if job.folder is not None:
            forget_states(job.folder)
    return _outcome(loop, job, machine, reason, prepared.left_out)


def _prepared(job: Job, model: Any, machine: Machine, train: Sequence[Row], validation: Sequence[Row]) -> Prepared:
    tokenizer = load_tokenizer(job.base)
    teacher = None
    if learns_distributions(job.config):
        if job.teacher is None:
            raise UserError("the teacher's weights are not here", hint="name a local model in train.distill.teacher")
        teacher = load_teacher(job.teacher, machine, tokenizer, micro_batch_tokens=job.config.micro_batch_tokens)
    context = _context_tokens(model, tokenizer)
    return prepare(job.config, tokenizer, train, validation, context_tokens=context, teacher=teacher)


def _probe(job: Job, model: Any) -> Probe | None:
    if job.exam is None:
        return None
    tokenizer = load_tokenizer(job.base)
    return Probe.of(job.exam, job.config, tokenizer, context_tokens=_context_tokens(model, tokenizer))


def _bench(job: Job, model: Any, machine: Machine) -> Bench:
    reads_sheets = attends(model)
    machine.reasons["layout"] = (
        "flat: no padding, equal beginnings once" if reads_sheets else "padded: this model's attention is its own"
    )
    fuse(model)
    is_sharded = job.config.is_sharded
    if is_sharded:
        shard(model, job.team)
    # in shares all must run the model equally often: nobody reads figures that others would compute
    keeps = job.folder is not None and job.team.is_first and not is_sharded
    kept = job.folder.parent if job.folder is not None and keeps else None
    bits = "nf4" if job.config.adapter.kind == "qlora" else str(machine.compute)
    references = References(kept, f"{job.base.weights} {bits} {machine.device.type}")
    return Bench.of(
        model, trainable(model), machine, job.config, references=references, reads_sheets=reads_sheets, team=job.team
    )  # fmt: skip


def _run_unchanged(loop: Loop, job: Job) -> StopReason:
    """The loop run to its end with every frozen parameter as it was."""
    before = frozen_digest(loop.bench.model)
    try:
        with memory_told(job.config):
            reason = loop.run()
    except EngineFault as fault:
        raise _with_last_good(fault, loop, job) from fault
    if frozen_digest(loop.bench.model) != before:
        raise Tampered("training changed weights of the base model", hint="report this; the adapter was not kept")
    return reason


def _with_last_good(fault: EngineFault, loop: Loop, job: Job) -> EngineFault:
    """The same fault, with the best adapter so far written beside the states and named."""
    if job.folder is None or not hasattr(loop, "best_adapter") or not job.team.is_first:
        return fault
    kept = job.folder / "last-good"
    loop.restore_best()
    if not kept.exists():
        write_trained(loop.bench.model, kept, job.base)
    return EngineFault(f"{fault.message}; the adapter of step {loop.position.best.step} is kept in {str(kept)!r}",
                       hint=fault.hint)  # fmt: skip


def _keeper(model: Any, job: Job) -> Callable[[int], None]:
    if job.config.keep_checkpoints == "best" or not job.team.is_first:
        return lambda _step: None
    if job.folder is None:
        raise UserError("keep_checkpoints is `all` and there is no folder for them", hint="set it to best")
    evaluated = job.folder / "evaluated"

    def keep(step: int) -> None:
        kept = evaluated / f"step-{step:08d}"
        if not kept.exists():
            write_trained(model, kept, job.base)

    return keep


def _context_tokens(model: Any, tokenizer: Any) -> int:
    """The longest conversation the model can read; a tokenizer that knows more tokens than the model is refused."""
    vocabulary = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > vocabulary:
        raise UserError(
            f"the tokenizer has {len(tokenizer)} tokens, the model only {vocabulary}",
            hint="the folder mixes two models; restore its files",
        )
    return int(getattr(bare(model).config, "max_position_embeddings", tokenizer.model_max_length))


def _outcome(loop: Loop, job: Job, machine: Machine, reason: StopReason, left_out: dict[str, int]) -> TrainingOutcome:
    at = loop.position
    trained, total = parameter_counts(loop.bench.model)
    return TrainingOutcome(
        base_weights=job.base.weights,
        method=job.config.method,
        config=_flat(job.config.recipe),
        seed=job.seed,
        curve=at.curve,
        best_step=at.best.step,
        best_validation_loss=at.best.loss,
        stopped_because=reason,
        examples_seen=at.examples_seen,
        tokens_seen=at.tokens_seen,
        trainable_parameters=trained,
        total_parameters=total,
        rows=len(loop.train),
        seconds=at.seconds,
        measuring_seconds=at.measuring_seconds,
        left_out=left_out,
        choices=machine.reasons,
    )


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in settings.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": str(value)}
    return flat
