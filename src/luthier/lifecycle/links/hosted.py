"""Training runs at a provider: the key from the environment, the job, its price, and a note in place of tensors."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from luthier.domain.money import Money
from luthier.domain.runs import CurvePoint
from luthier.errors import UserError
from luthier.lifecycle.spending import spend_once
from luthier.lifecycle.workspace import Workspace
from luthier.train.backend_config import HostedBackend
from luthier.train.config import TrainConfig
from luthier.train.hosted import record
from luthier.train.hosted.api import FineTuningApi
from luthier.train.hosted.job import Desk
from luthier.train.hosted.stage import run
from luthier.train.hosted.types import HostedModel
from luthier.train.types import Row
from luthier.variants.egress import open_client
from luthier.variants.engines.openai import HOSTED_NOTE

TOKENS_PER_UNIT = Decimal(1_000_000)


class _Ports:
    def __init__(self, work: Workspace) -> None:
        self._work = work
        self.checkpoints: Path = work.home / "checkpoints"

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        self._work.voice.curve(point, done, of)

    def say(self, text: str) -> None:
        self._work.voice.say(text)


def perform_hosted(
    work: Workspace, backend: HostedBackend, config: TrainConfig, train: Sequence[Row], validation: Sequence[Row],
    *, subject: str,
) -> str:  # fmt: skip
    """The digest of the record of a job that was paid for once."""
    snapshot = work.require("data")
    ports = _Ports(work)
    with _api(work, backend, ports) as api:
        outcome = run(ports, api, config, backend, train=train, validation=validation)
    adapter = _note(work, outcome.hosted, snapshot)
    cost = _cost(work, backend, subject, outcome.hosted.job, outcome.trained_tokens)
    kept = outcome.as_run(snapshot=snapshot, adapter=adapter, cost=cost)
    work.voice.say(f"{outcome.hosted.model} is tuned: {outcome.trained_tokens:,} tokens, {cost}")
    return work.keep(kept, kind="training_run", parents=[snapshot, adapter])


def cancel_hosted(work: Workspace) -> list[str]:
    """The jobs of this project that were running at the provider and are cancelled now, rows taken away."""
    backend = work.config.train.backend
    if not isinstance(backend, HostedBackend):
        raise UserError("train.backend is not hosted, so there is no job to cancel", hint="stop the command itself")
    ports, cancelled = _Ports(work), []
    with _api(work, backend, ports) as api:
        desk = Desk(ports, api, backend.poll_seconds, None, backend.deletes_files)
        for asked in record.unfinished(ports.checkpoints):
            job = desk.cancelled(asked)
            if job is not None and job.status == "cancelled":
                cancelled.append(job.id)
    work.store.audit.append(work.actor, "train.cancel", work.project, {"jobs": list(cancelled)}, now=work.clock())
    return cancelled


@contextmanager
def _api(work: Workspace, backend: HostedBackend, ports: _Ports) -> Iterator[FineTuningApi]:
    key = work.environment.secret(backend.key_env) if backend.key_env else None
    client = open_client(timeout_seconds=backend.timeout_seconds, connections=1)
    try:
        yield FineTuningApi(backend.base_url, key, client, sleep=ports.sleep)
    finally:
        client.close()


def _note(work: Workspace, hosted: HostedModel, snapshot: str) -> str:
    """The artifact that stands for the adapter: a folder with the name of the model and where it is."""
    with tempfile.TemporaryDirectory(dir=work.home) as scratch:
        folder = Path(scratch) / "adapter"
        folder.mkdir()
        (folder / HOSTED_NOTE).write_text(hosted.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return work.store.artifacts.put_folder(folder, kind="adapter", parents=[snapshot], now=work.clock())


def _cost(work: Workspace, backend: HostedBackend, subject: str, job: str, tokens: int) -> Money:
    return spend_once(
        work, "training", f"{subject}, job {job}", quantity=tokens / TOKENS_PER_UNIT, unit="million trained tokens",
        unit_price=backend.price_per_million_tokens,
    )  # fmt: skip
