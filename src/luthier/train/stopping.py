"""Which adapter was best so far, and whether a better one is still to be expected."""

from typing import Self

from pydantic import Field

from luthier.domain.value import Value
from luthier.train.config import EarlyStoppingConfig


class Best(Value):
    """The lowest validation loss so far; `stale` counts evaluations since the last improvement worth waiting for."""

    step: int = Field(ge=0)
    loss: float
    waited_for: float = Field(description="The loss that the next improvement is measured against.")
    stale: int = Field(default=0, ge=0)

    @classmethod
    def first(cls, loss: float) -> Self:
        """Before the first step, the untouched base model is the best there is."""
        return cls(step=0, loss=loss, waited_for=loss)

    def after(self, step: int, loss: float, *, min_delta: float) -> Self:
        """The state after one more evaluation: any lower loss is best, one lower by `min_delta` resets the wait."""
        improved = loss < self.waited_for - min_delta
        is_lowest = loss < self.loss
        return type(self)(
            step=step if is_lowest else self.step,
            loss=loss if is_lowest else self.loss,
            waited_for=loss if improved else self.waited_for,
            stale=0 if improved else self.stale + 1,
        )

    def is_enough(self, config: EarlyStoppingConfig | None) -> bool:
        """Whether the wait is over."""
        return config is not None and self.stale >= config.patience
