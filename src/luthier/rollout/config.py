"""The `rollout:` section of the project file."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from luthier.domain.verdicts import Threshold
from luthier.errors import UserError
from luthier.section import Section


class RolloutConfig(Section):
    """How a release earns its traffic, and what takes it back."""

    stages: tuple[float, ...] = Field(default=(5, 25, 50, 100), description="Percent of users, rising to 100.")
    bake_hours: float = Field(default=48, gt=0, description="Least time at each stage before the next one.")
    min_interactions: int = Field(default=40, ge=1, description="Canary answers that a stage must have seen.")
    checks: Mapping[str, str] = Field(
        default={"error_rate": "<= 0.02", "invalid_call": "<= 0.10"},
        description="Share of canary interactions -> the line its bound must keep to.",
    )
    no_worse_than_stable: tuple[str, ...] = Field(
        default=("solved",), description="Shares that must not be proven lower than the stable arm's."
    )
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="Chance of a false rollback per stage.")
    drill_every_days: int = Field(default=30, ge=1, description="A release is blocked when the last drill is older.")
    lease_seconds: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _stages_rise_to_all_users(self) -> Self:
        if not self.stages or self.stages[-1] != 100:
            raise ValueError("`stages` must end at 100; try [5, 25, 50, 100]")
        if any(not 0 < low < high for low, high in zip(self.stages, self.stages[1:], strict=False)):
            raise ValueError("`stages` must rise; try [5, 25, 50, 100]")
        return self

    @model_validator(mode="after")
    def _lines_can_be_read(self) -> Self:
        for metric, line in self.checks.items():
            try:
                Threshold.parse(line)
            except UserError as fault:
                raise ValueError(f"`checks.{metric}`: {fault.message}; {fault.hint}") from fault
        return self
