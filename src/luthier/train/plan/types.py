"""The plan of a run as it is shown: parameters, memory, tokens, and one line per machine."""

from pydantic import Field

from luthier.domain.money import Money
from luthier.domain.value import Value
from luthier.train.plan.compute import Work
from luthier.train.plan.memory import MemoryNeed
from luthier.train.plan.tuning import Tuning


class Placement(Value):
    """The run on one kind of device: whether it fits, how long it takes, what that costs."""

    hardware: str
    devices: int = Field(gt=0)
    tuning: Tuning = Field(description="As it would run there; precision follows the device.")
    need: MemoryNeed
    has_bytes: int = Field(gt=0, description="Of one device.")
    fits: bool
    hours: float | None = Field(description="None where tokens or pace are not known.")
    price: Money | None = Field(description="None where hours or the hourly price are not known.")
    price_as_of: str
    source: str
    warnings: tuple[str, ...] = ()
    would_fit: tuple[str, ...] = Field(default=(), description="Changes under which it fits, smallest first.")


class TrainingPlan(Value):
    """What a run would train, need, take and cost; nothing was spent to know it."""

    model: str
    family: str
    total_parameters: int
    trainable_parameters: int
    work: Work | None = Field(description="None where no tokens could be counted and none were given.")
    flops: int | None
    placements: tuple[Placement, ...]
    notes: tuple[str, ...] = ()

    @property
    def fits_somewhere(self) -> bool:
        """Whether any of the machines asked about holds the run."""
        return any(placement.fits for placement in self.placements)
