"""What a training run did: curves, checkpoints, cost."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.value import Value


class CurvePoint(Value):
    """The state of training after one optimizer step."""

    step: int = Field(ge=0)
    epoch: float = Field(ge=0)
    train_loss: float | None = Field(default=None, description="Mean nats per target token since the last point.")
    validation_loss: float | None = None
    validation_accuracy: float | None = Field(
        default=None, ge=0, le=1, description="Share of held-out preferences that the model shares with people."
    )
    learning_rate: float | None = Field(default=None, description="None where a provider does not tell.")
    gradient_norm: float | None = None
    tokens_per_second: float | None = Field(default=None, description="Tokens without padding.")
    memory_bytes: int | None = Field(default=None, ge=0, description="The most that was held so far.")
    tasks: Mapping[str, Measurement] = Field(
        default={}, description="Metric -> figure of free answers to rows of the validation sample."
    )


class TrainingRun(Value):
    """One finished run: what it was made of, how it went, what it cost."""

    base_weights: str = Field(
        description="SHA-256 of the base model's weights, equal before and after; of its address and name when hosted."
    )
    snapshot: str
    adapter: str = Field(
        description="Digest of the adapter, of the model where every weight trained, or of the note of a hosted one."
    )
    method: str
    config: Mapping[str, str]
    seed: int
    curve: tuple[CurvePoint, ...]
    best_step: int
    best_validation_loss: float | None = Field(description="None where a provider measured none.")
    stopped_because: Literal["finished", "early_stopping", "time_limit"]
    examples_seen: int
    tokens_seen: int = Field(description="Without padding.")
    trainable_parameters: int | None = Field(description="None where a provider does not tell.")
    total_parameters: int | None = Field(description="None where a provider does not tell.")
    seconds: float
    cost: Money
    rows: int | None = Field(default=None, description="Training rows learned from; None where nobody counted.")
    measuring_seconds: float = Field(default=0.0, ge=0, description="Of `seconds`, spent on free answers.")
    left_out: Mapping[str, int] = Field(default_factory=dict, description="Rows not trained on, by reason.")
    choices: Mapping[str, str] = Field(default_factory=dict, description="Automatic choices, each with its reason.")

    @property
    def trained_share(self) -> float | None:
        """Trained parameters as a share of all; None where a provider does not tell."""
        if self.trainable_parameters is None or not self.total_parameters:
            return None
        return self.trainable_parameters / self.total_parameters

    @property
    def tasks(self) -> Mapping[str, Measurement]:
        """Metric -> figure of the adapter that was kept; empty where none was measured."""
        return next((point.tasks for point in self.curve if point.step == self.best_step and point.tasks), {})
