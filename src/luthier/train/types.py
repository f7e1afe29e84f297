"""What goes into a tuning run and what comes out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

from pydantic import Field, model_validator

from luthier.domain.examples import Message
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.domain.value import Value
from luthier.errors import LuthierError

StopReason = Literal["finished", "early_stopping", "time_limit"]


class Conversation(Value):
    """One rendered conversation that ends with the answer to be learned."""

    id: str = Field(min_length=1)
    messages: tuple[Message, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _ends_with_the_answer(self) -> Self:
        if self.messages[-1].role != "assistant":
            raise ValueError("the last message must be the assistant's answer")
        return self


class PreferencePair(Value):
    """Two answers to one prompt, of which people prefer the first."""

    id: str = Field(min_length=1)
    prompt: tuple[Message, ...] = Field(min_length=1)
    chosen: Message
    rejected: Message

    @model_validator(mode="after")
    def _holds_two_answers(self) -> Self:
        if {self.chosen.role, self.rejected.role} != {"assistant"}:
            raise ValueError("`chosen` and `rejected` must be the assistant's answers")
        if self.chosen.content == self.rejected.content:
            raise ValueError("`chosen` and `rejected` are the same answer, so nothing is preferred")
        return self


class Judged(Value):
    """One answer with what people thought of it."""

    id: str = Field(min_length=1)
    prompt: tuple[Message, ...] = Field(min_length=1)
    answer: Message
    is_good: bool

    @model_validator(mode="after")
    def _is_an_answer(self) -> Self:
        if self.answer.role != "assistant":
            raise ValueError("`answer` must be the assistant's")
        return self


Row = Conversation | PreferencePair | Judged


@dataclass(frozen=True)
class Exam:
    """Rows that the model answers freely while it trains, and how the answers are scored."""

    rows: Sequence[Conversation]
    max_tokens: int
    score: Callable[[Mapping[str, str]], Mapping[str, Measurement]]
    """From answers by row id to figures; a row without an answer counts as wrong."""


@dataclass(frozen=True)
class BaseModel:
    """A base model in a folder as transformers writes it, pinned to its exact weights."""

    folder: Path
    weights: str
    """SHA-256 as `luthier.variants.engines.folders.weights_digest` computes it."""
    id: str = "bundled"
    """What the adapter calls its base: a name people know, never a path of this machine."""


class TrainingOutcome(Value):
    """How one run went; with the digests of its snapshot and adapter, and its price, it becomes a TrainingRun."""

    base_weights: str = Field(description="SHA-256 of the base model's weights, equal before and after.")
    method: str
    config: Mapping[str, str]
    seed: int
    curve: tuple[CurvePoint, ...]
    best_step: int = Field(ge=0, description="The step whose adapter was kept; 0 is the untouched base model.")
    best_validation_loss: float = Field(
        ge=0, description="Of the adapter that was kept: nats per target token, or loss per preference."
    )
    stopped_because: StopReason
    examples_seen: int = Field(ge=0)
    tokens_seen: int = Field(ge=0, description="Without padding.")
    trainable_parameters: int = Field(gt=0)
    total_parameters: int = Field(gt=0)
    seconds: float = Field(ge=0, description="Of training, over all attempts of a resumed run.")
    rows: int = Field(gt=0, description="Training rows learned from.")
    measuring_seconds: float = Field(default=0.0, ge=0, description="Of `seconds`, spent on free answers.")
    left_out: Mapping[str, int] = Field(description="Conversations not trained on, by reason.")
    choices: Mapping[str, str] = Field(description="What was chosen automatically, each with its reason.")

    def as_run(self, *, snapshot: str, adapter: str, cost: Money) -> TrainingRun:
        """The record of this run for the store."""
        return TrainingRun(snapshot=snapshot, adapter=adapter, cost=cost, **dict(self))


class Interrupted(LuthierError):
    """Training was asked to stop and did, between two steps."""

    code = "interrupted"
    http_status = 503
    exit_code = 2

    def __init__(self, step: int, *, is_saved: bool) -> None:
        hint = "run again to go on from there" if is_saved else "give it a folder for checkpoints to go on next time"
        super().__init__(f"training was asked to stop and did after step {step}", hint=hint)
        self.step = step


class Ports(Protocol):
    """All that training needs and cannot be handed as a value."""

    @property
    def checkpoints(self) -> Path | None:
        """A folder for states to resume from; None runs without a net."""

    def monotonic_seconds(self) -> float:
        """Seconds on a clock that never goes back."""

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        """Told of every curve point as it is measured; `done` of `of` optimizer steps are behind."""

    def stop_requested(self) -> bool:
        """Whether the run is to end between two steps, its state saved; asked after every step."""
