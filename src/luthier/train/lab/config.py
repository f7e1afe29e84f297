"""What may be measured, searched and told around a run: `train.measure`, `train.search` and `train.tracking`."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from luthier.section import Section

Tracker = Literal["tensorboard", "mlflow"]
Setting = bool | int | float | str
FIXED = {"seed", "search", "tracking", "backend", "measure", "evaluate_every_epochs", "method", "loss_on"}
"""What trials share, so that their losses are of one kind and were measured at the same points."""


class MeasureConfig(Section):
    """Free answers of the model as it stands at each evaluation, to a sample of the validation rows."""

    rows: int = Field(default=32, ge=1, le=10_000, description="Validation rows answered, the same ones every time.")
    metrics: tuple[str, ...] = Field(
        default=("exact_match",), min_length=1, description="Metrics of `luthier evaluate` that are measured."
    )
    max_tokens: int = Field(default=128, ge=1, le=1 << 16, description="Of an answer; a longer one is cut.")


class RangeConfig(Section):
    """A setting between two ends."""

    low: float = Field(description="Smallest value tried.")
    high: float = Field(description="Largest value tried.")
    log: bool = Field(default=False, description="Whether equal factors, rather than equal steps, are equally likely.")
    whole: bool = Field(default=False, description="Whether only whole numbers make sense.")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"`low` {self.low:g} must be below `high` {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError("`low` must be above 0 where `log` is on")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("`low` and `high` must be whole numbers where `whole` is on")
        return self


class SearchConfig(Section):
    """Which settings a search tries, and how long."""

    space: Mapping[str, RangeConfig | tuple[Setting, ...]] = Field(
        min_length=1, description="Setting of this section, such as `adapter.rank` -> a range, or the values to choose."
    )
    trials: int = Field(default=20, ge=1, le=10_000, description="Runs, those that were ended early among them.")
    seed: int = Field(default=0, ge=0, lt=1 << 31, description="Fixes which settings are tried.")
    startup_trials: int = Field(
        default=5, ge=1, le=1000, description="Trials drawn at random, and run to their end, before earlier ones guide."
    )
    prunes: bool = Field(
        default=True, description="Whether a run whose validation loss is above the median of earlier ones is ended."
    )

    @field_validator("space")
    @classmethod
    def _something_to_choose(
        cls, space: Mapping[str, RangeConfig | tuple[Setting, ...]]
    ) -> Mapping[str, RangeConfig | tuple[Setting, ...]]:
        for name, domain in space.items():
            if name.split(".")[0] in FIXED:
                raise ValueError(f"`{name}` is nothing that a search may change: trials must stay comparable")
            if isinstance(domain, tuple) and len(set(map(repr, domain))) < 2:
                raise ValueError(f"`{name}` has fewer than two values to choose from")
        return space
