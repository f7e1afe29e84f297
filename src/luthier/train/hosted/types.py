"""What the fine-tuning API says, as far as it matters here, and what a hosted run comes to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from luthier.domain.money import Money
from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.domain.value import Value

Status = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
NO_RESULT = frozenset({"failed", "cancelled"})
ENDED = NO_RESULT | {"succeeded"}


class HostedModel(Value):
    """A model that a provider keeps: what stands for the adapter in every chain of evidence."""

    base_url: str
    base_model: str
    model: str = Field(description="The name to ask it by.")
    job: str
    identity: str = Field(description="Digest of everything that was paid for.")


class FileObject(BaseModel):
    """An uploaded file."""

    id: str
    bytes: int
    filename: str
    status: str = "processed"


class JobError(BaseModel):
    """Why a job failed; its message may repeat rows and is never shown."""

    code: str | None = None
    param: str | None = None


class Job(BaseModel):
    """A fine-tuning job as it stands."""

    id: str
    status: Status
    model: str
    fine_tuned_model: str | None = None
    trained_tokens: int | None = None
    training_file: str
    validation_file: str | None = None
    error: JobError | None = None
    metadata: Mapping[str, str] | None = None


class Event(BaseModel):
    """One line of a job's log."""

    id: str
    created_at: int
    level: str
    message: str


class Metrics(BaseModel):
    """What was measured at a checkpoint."""

    train_loss: float | None = None
    valid_loss: float | None = None
    full_valid_loss: float | None = None


class Checkpoint(BaseModel):
    """A model as it was after some steps, ready to be asked."""

    id: str
    fine_tuned_model_checkpoint: str
    step_number: int
    metrics: Metrics


class Ports(Protocol):
    """All that a hosted run needs and cannot be handed as a value."""

    @property
    def checkpoints(self) -> Path:
        """A folder for the record of what was asked of the provider."""

    def monotonic_seconds(self) -> float:
        """Seconds on a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Returns after so many seconds."""

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        """Told of every checkpoint once it is there."""

    def say(self, text: str) -> None:
        """Told where the job stands."""


class HostedOutcome(Value):
    """How one hosted run went; with digests and its price it becomes a TrainingRun."""

    hosted: HostedModel
    base_weights: str = Field(description="Digest of address and name, as nobody sees the bytes of a hosted base.")
    method: str
    config: Mapping[str, str]
    seed: int
    curve: tuple[CurvePoint, ...]
    best_step: int
    best_validation_loss: float | None
    examples_seen: int
    trained_tokens: int = Field(ge=0, description="As the provider counts and charges them.")
    seconds: float = Field(ge=0, description="That this process waited; the job may have run before.")
    choices: Mapping[str, str]

    def as_run(self, *, snapshot: str, adapter: str, cost: Money) -> TrainingRun:
        """The record of this run for the store."""
        kept = self.model_dump(exclude={"hosted", "trained_tokens", "curve"})
        return TrainingRun(
            snapshot=snapshot, adapter=adapter, cost=cost, curve=self.curve, tokens_seen=self.trained_tokens,
            stopped_because="finished", trainable_parameters=None, total_parameters=None, **kept,
        )  # fmt: skip
