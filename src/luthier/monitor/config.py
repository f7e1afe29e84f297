"""The `evaluation.production_monitoring:` section of the project file."""

import re
from typing import Literal

from pydantic import Field, field_validator

from luthier.section import Section

_DEGRADATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s+degradation\s+on\s+any\s+metric\s*$")


class MonitorConfig(Section):
    """How often served traffic is compared with the training data, and what raises an alarm."""

    drift_detection: Literal["daily", "weekly", "monthly"] = Field(
        default="weekly", description="How much of the past one look takes in: a day, 7 days or 30."
    )
    sample_rate: float = Field(
        default=0.05, gt=0, le=1, description="Share of the interactions looked at that go before people to be scored."
    )
    alert_threshold: str = Field(default="10% degradation on any metric")
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=0.5, description="Chance of an alarm when nothing moved.")
    min_interactions: int = Field(default=100, ge=20, description="Fewer than this and the check says so.")

    @field_validator("alert_threshold")
    @classmethod
    def _states_a_degradation(cls, text: str) -> str:
        if not _DEGRADATION.match(text):
            raise ValueError(f'{text!r} cannot be read; write "10% degradation on any metric"')
        return text

    @property
    def days(self) -> int:
        """How many days one look takes in."""
        return {"daily": 1, "weekly": 7, "monthly": 30}[self.drift_detection]

    @property
    def degradation(self) -> float:
        """The relative drop that raises an alarm, as a share."""
        found = _DEGRADATION.match(self.alert_threshold)
        return float(found[1]) / 100 if found else 0.0
