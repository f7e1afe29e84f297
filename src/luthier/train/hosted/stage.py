"""Tune at a provider: from rows to the name of a model there, paid for once whatever kills this process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from luthier.domain.digests import digest_of
from luthier.domain.runs import CurvePoint
from luthier.errors import EmptySample, EngineFault, UserError
from luthier.train.backend_config import HostedBackend
from luthier.train.config import TrainConfig
from luthier.train.hosted.api import FineTuningApi
from luthier.train.hosted.job import Desk
from luthier.train.hosted.lines import preference_file, supervised_file
from luthier.train.hosted.types import Checkpoint, HostedModel, HostedOutcome, Job, Ports
from luthier.train.types import Conversation, PreferencePair, Row

VERSION = 1
HEEDED = frozenset({"method", "backend", "epochs", "seed", "early_stopping", "loss_on", "time_limit_seconds", "dpo"})
"""Fields of the `train` section that a provider can be told, or that are kept here."""


def run(
    ports: Ports,
    api: FineTuningApi,
    config: TrainConfig,
    backend: HostedBackend,
    *,
    train: Sequence[Row],
    validation: Sequence[Row],
) -> HostedOutcome:
    """The history of one job at the provider, new or found again.

    Raises:
        EmptySample: One of the sets is empty.
        UserError: The section sets what no provider can be told.
        EngineFault: The provider refuses, or the job failed there; the next run asks anew.
        Refused: The job was cancelled, here because the time was up or by somebody else.

    """
    _check(config, train, validation)
    began = ports.monotonic_seconds()
    desk = Desk(ports, api, backend.poll_seconds, config.time_limit_seconds, backend.deletes_files)
    files = {"train": _file(config, train), "validation": _file(config, validation)}
    body = _job_body(config, backend)
    identity = identity_of(backend, body, files)
    job = desk.settle(identity, body, files)
    seen = _Seen(job, tuple(api.checkpoints(job.id)), len(train), ports.monotonic_seconds() - began)
    return _outcome(config, backend, identity, seen)


def identity_of(backend: HostedBackend, body: Mapping[str, object], files: Mapping[str, bytes]) -> str:
    """Digest of everything that is paid for: two runs with the same one are the same job."""
    paid_for = [VERSION, backend.base_url, dict(body), {name: data.decode() for name, data in files.items()}]
    return digest_of(paid_for)


def _check(config: TrainConfig, train: Sequence[Row], validation: Sequence[Row]) -> None:
    for name, rows in (("training", train), ("the validation loss", validation)):
        if not rows:
            raise EmptySample(name)
    unread = sorted(config.model_fields_set - HEEDED)
    if unread:
        raise UserError(
            f"a hosted run cannot be told {', '.join(f'train.{name}' for name in unread)}",
            hint="leave them out, or set what the provider offers under `train.backend`",
        )
    if config.method not in ("sft", "dpo"):
        raise UserError(f"no provider offers method {config.method!r}", hint="choose sft or dpo")
    wanted = Conversation if config.method == "sft" else PreferencePair
    if not all(isinstance(row, wanted) for row in (*train, *validation)):
        told = f"method {config.method!r} does not take rows of this kind"
        raise UserError(told, hint="sft learns from conversations, dpo from pairs")


def _file(config: TrainConfig, rows: Sequence[Row]) -> bytes:
    conversations = [row for row in rows if isinstance(row, Conversation)]
    if len(conversations) == len(rows):
        return supervised_file(conversations, learns_all=config.loss_on == "all_assistant_turns")
    return preference_file([row for row in rows if isinstance(row, PreferencePair)])


def _job_body(config: TrainConfig, backend: HostedBackend) -> dict[str, object]:
    """All of the job but its files and its mark."""
    hyperparameters: dict[str, object] = {
        "n_epochs": config.epochs,
        "batch_size": backend.batch_size,
        "learning_rate_multiplier": backend.learning_rate_multiplier,
    }
    name = "supervised"
    if config.method != "sft":
        name = "dpo"
        told = config.model_dump().get("dpo") or {}
        hyperparameters["beta"] = told.get("beta", "auto")
    method = {"type": name, name: {"hyperparameters": hyperparameters}}
    suffix = {"suffix": backend.suffix} if backend.suffix else {}
    return {"model": backend.model, "method": method, "seed": config.seed, **suffix}


@dataclass(frozen=True)
class _Seen:
    """What a job that succeeded left behind."""

    job: Job
    checkpoints: tuple[Checkpoint, ...]
    rows: int
    seconds: float


def _outcome(config: TrainConfig, backend: HostedBackend, identity: str, seen: _Seen) -> HostedOutcome:
    job, checkpoints = seen.job, seen.checkpoints
    if job.fine_tuned_model is None or job.trained_tokens is None:
        raise EngineFault(f"job {job.id} succeeded without a model or a count of tokens", hint="ask the provider")
    chosen, loss, why = _best(config, checkpoints)
    model = chosen.fine_tuned_model_checkpoint if chosen else job.fine_tuned_model
    last = checkpoints[-1].step_number if checkpoints else 0
    return HostedOutcome(
        hosted=HostedModel(
            base_url=backend.base_url, base_model=backend.model, model=model, job=job.id, identity=identity
        ),
        base_weights=digest_of({"base_url": backend.base_url, "model": backend.model}),
        method=config.method,
        config=_told(config, backend),
        seed=config.seed,
        curve=tuple(_point(each, config.epochs, last) for each in checkpoints),
        best_step=chosen.step_number if chosen else last,
        best_validation_loss=loss,
        examples_seen=seen.rows * config.epochs,
        trained_tokens=job.trained_tokens,
        seconds=seen.seconds,
        choices={"model": why, "job": job.id},
    )


def _best(config: TrainConfig, checkpoints: Sequence[Checkpoint]) -> tuple[Checkpoint | None, float | None, str]:
    """The checkpoint to keep: the lowest loss on all validation rows, or the last where nothing stops early."""
    measured = [each for each in checkpoints if each.metrics.full_valid_loss is not None]
    if not measured:
        return None, None, "the job's own: the provider measured no checkpoint on all validation rows"
    if config.early_stopping is None:
        return None, measured[-1].metrics.full_valid_loss, "the job's own: early stopping is off"
    best = min(measured, key=_loss)
    return best, _loss(best), f"the checkpoint of step {best.step_number}: lowest loss on all validation rows"


def _loss(checkpoint: Checkpoint) -> float:
    loss = checkpoint.metrics.full_valid_loss
    return float("inf") if loss is None else loss


def _point(each: Checkpoint, epochs: int, last: int) -> CurvePoint:
    return CurvePoint(
        step=each.step_number, epoch=epochs * each.step_number / last if last else 0.0,
        train_loss=each.metrics.train_loss, validation_loss=each.metrics.full_valid_loss, learning_rate=None,
    )  # fmt: skip


def _told(config: TrainConfig, backend: HostedBackend) -> dict[str, str]:
    kept = {f"backend.{name}": str(value) for name, value in backend.model_dump(mode="json").items()}
    return {**{name: str(getattr(config, name)) for name in ("method", "epochs", "seed", "loss_on")}, **kept}
