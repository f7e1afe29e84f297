"""Tune at a provider: from rows to the name of a model there, paid for once whatever kills this process."""

from collections.abc import Mapping, Sequence

from luthier.domain.digests import digest_of
from luthier.domain.runs import CurvePoint
from luthier.errors import EmptySample, EngineFault, Refused, UserError
from luthier.train.backend_config import HostedBackend
from luthier.train.config import TrainConfig
from luthier.train.hosted import record
from luthier.train.hosted.api import FineTuningApi, Uncertain
from luthier.train.hosted.lines import preference_file, supervised_file
from luthier.train.hosted.record import Asked
from luthier.train.hosted.types import NO_RESULT, Checkpoint, HostedModel, HostedOutcome, Job, Ports, Preference
from luthier.train.types import Conversation

VERSION = 1
MARK = "luthier_run"
"""The job's metadata under which its identity stands, so that a job is found again after a crash."""
LOOKS_BEFORE_CREATING_AGAIN = 3
TRIES_AT_CREATING = 3
HEEDED = frozenset(
    {"method", "backend", "epochs", "seed", "early_stopping", "loss_on", "time_limit_seconds", "dpo", "justification"}
)
"""Fields of the `train` section that a provider can be told, or that are kept here."""
Row = Conversation | Preference


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
    files = {"train": _file(config, train), "validation": _file(config, validation)}
    body = _job_body(config, backend)
    identity = identity_of(backend, body, files)
    asked = _with_job(ports, api, body, files, record.read(ports.checkpoints, identity))
    job = _finished(ports, api, config, backend, asked, began)
    checkpoints = api.checkpoints(job.id)
    if backend.deletes_files:
        for file in (asked.training_file, asked.validation_file):
            if file is not None:
                api.delete_file(file)
    seconds = ports.monotonic_seconds() - began
    return _outcome(config, backend, identity, job, checkpoints, len(train), seconds)


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


def _file(config: TrainConfig, rows: Sequence[Row]) -> bytes:
    conversations = [row for row in rows if isinstance(row, Conversation)]
    if len(conversations) == len(rows):
        return supervised_file(conversations, learns_all=config.loss_on == "all_assistant_turns")
    return preference_file([row for row in rows if not isinstance(row, Conversation)])


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


def _with_job(
    ports: Ports, api: FineTuningApi, body: Mapping[str, object], files: Mapping[str, bytes], asked: Asked
) -> Asked:
    """The record of a run whose job exists: the one recorded, one found at the provider, or a new one."""
    if asked.job is not None:
        return asked
    found = _found(ports, api, asked)
    if found is None:
        asked = _with_files(ports, api, files, asked)
        found = _found(ports, api, asked) or _created(ports, api, body, asked)
    ports.say(f"job {found.id} at the provider is {found.status}")
    return record.keep(ports.checkpoints, asked.model_copy(update={"job": found.id, "is_creating": False}))


def _found(ports: Ports, api: FineTuningApi, asked: Asked) -> Job | None:
    """This run's job at the provider, by its mark or by its file; one that failed or was cancelled does not count.

    Where a job may have been asked for a moment ago, the provider's list is given time to show it.
    """
    looks = LOOKS_BEFORE_CREATING_AGAIN if asked.is_creating else 1
    for look in range(looks):
        for job in api.jobs({MARK: asked.identity}):
            is_ours = (job.metadata or {}).get(MARK) == asked.identity
            if job.status not in NO_RESULT and (is_ours or job.training_file == asked.training_file):
                return job
        if look + 1 < looks:
            ports.sleep(2.0**look)
    return None


def _with_files(ports: Ports, api: FineTuningApi, files: Mapping[str, bytes], asked: Asked) -> Asked:
    """The record with both files at the provider, uploaded now or found there."""
    there = {(file.filename, file.bytes): file.id for file in api.files() if file.status != "error"}
    ids = {}
    for name, data in files.items():
        called = f"luthier-{asked.identity[:16]}-{name}.jsonl"
        ids[name] = there.get((called, len(data))) or api.upload(called, data).id
    update = {"training_file": ids["train"], "validation_file": ids["validation"]}
    return record.keep(ports.checkpoints, asked.model_copy(update=update))


def _created(ports: Ports, api: FineTuningApi, body: Mapping[str, object], asked: Asked) -> Job:
    """The one request that costs money: recorded before, and never repeated before a look at what there is."""
    whole = {
        **body, "training_file": asked.training_file, "validation_file": asked.validation_file,
        "metadata": {MARK: asked.identity},
    }  # fmt: skip
    asked = record.keep(ports.checkpoints, asked.model_copy(update={"is_creating": True}))
    for attempt in range(TRIES_AT_CREATING):
        try:
            return api.create_job(whole)
        except Uncertain as fault:
            ports.sleep(2.0**attempt)
            found = _found(ports, api, asked)
            if found is not None:
                return found
            last = fault
    raise EngineFault(f"no job could be made: {last.message}", hint="run again later; nothing is paid for twice")


def _finished(
    ports: Ports, api: FineTuningApi, config: TrainConfig, backend: HostedBackend, asked: Asked, began: float
) -> Job:
    """The job once it has succeeded; a job that ends otherwise is forgotten, so that the next run makes a new one."""
    said: set[str] = set()
    job_id = str(asked.job)
    while True:
        job = api.job(job_id)
        for event in api.events(job_id):
            if event.id not in said:
                said.add(event.id)
                ports.say(f"{event.level}: {event.message}" if event.level != "info" else event.message)
        if job.status == "succeeded":
            return job
        if job.status in NO_RESULT:
            record.forget(ports.checkpoints, asked.identity)
            raise _no_result(job)
        limit = config.time_limit_seconds
        if limit is not None and ports.monotonic_seconds() - began >= limit:
            api.cancel(job_id)
            record.forget(ports.checkpoints, asked.identity)
            raise Refused(f"job {job_id} was cancelled after {limit:g} s", hint="raise train.time_limit_seconds")
        ports.sleep(backend.poll_seconds)


def _no_result(job: Job) -> EngineFault | Refused:
    if job.status == "cancelled":
        return Refused(f"job {job.id} was cancelled at the provider", hint="run again to make a new one")
    why = f" ({job.error.code})" if job.error and job.error.code else ""
    return EngineFault(f"job {job.id} failed at the provider{why}", hint="its page there says why")


def _outcome(
    config: TrainConfig, backend: HostedBackend, identity: str, job: Job, checkpoints: Sequence[Checkpoint],
    rows: int, seconds: float,
) -> HostedOutcome:  # fmt: skip
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
        examples_seen=rows * config.epochs,
        trained_tokens=job.trained_tokens,
        seconds=seconds,
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
