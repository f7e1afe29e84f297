"""How far a run has come: all of its state but the tensors."""

from pydantic import Field

from luthier.domain.runs import CurvePoint
from luthier.domain.value import Value
from luthier.train.stopping import Best


class Since(Value):
    """What was summed up since the last curve point."""

    loss_sum: float = Field(default=0.0, description="Over all that was counted.")
    count: int = Field(default=0, description="Target tokens, pairs or judgements.")
    tokens: int = Field(default=0, description="Without padding.")
    seconds: float = Field(default=0.0, description="Of optimizer steps alone.")

    def plus(self, loss_sum: float, count: int, tokens: int, seconds: float) -> "Since":
        """The sums after one more step."""
        return Since(
            loss_sum=self.loss_sum + loss_sum,
            count=self.count + count,
            tokens=self.tokens + tokens,
            seconds=self.seconds + seconds,
        )


class Position(Value):
    """A run between two optimizer steps."""

    best: Best
    curve: tuple[CurvePoint, ...]
    step: int = Field(default=0, ge=0)
    planned_steps: int = Field(gt=0)
    seconds: float = Field(default=0.0, ge=0, description="Of all attempts up to here.")
    measuring_seconds: float = Field(default=0.0, ge=0, description="Of those, spent on free answers.")
    first_step_at: float = Field(default=0.0, ge=0, description="Seconds spent before the first step.")
    examples_seen: int = 0
    tokens_seen: int = 0
    since: Since = Since()
