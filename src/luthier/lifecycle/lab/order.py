"""What a run is asked to be: its place in the run table, its settings, its rows, and who watches it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from luthier.domain.digests import digest_of
from luthier.domain.runs import CurvePoint
from luthier.lifecycle.workspace import Workspace
from luthier.train.config import TrainConfig
from luthier.train.lab.subsets import WHOLE, Subset

Watch = Callable[[CurvePoint, int, int], None]
"""Hears every curve point with the steps done and planned; what it raises ends the run."""


def _nobody(_point: CurvePoint, _done: int, _of: int) -> None:
    """Watches nothing."""


@dataclass(frozen=True)
class Order:
    """One run: how the run table calls it, its settings, and which of the admitted rows it learns from."""

    name: str
    config: TrainConfig
    subset: Subset = WHOLE
    shuffled: bool = False
    watch: Watch = _nobody

    @property
    def subject(self) -> str:
        """How the ledger calls it."""
        if self.shuffled:
            return "control run"
        return f"run {self.name}" if self.name else "tuning run"


def checkpoints_of(work: Workspace, name: str) -> Path:
    """The folder below which a run keeps its states; runs of an experiment have one of their own to be cleared."""
    kept = work.home / "checkpoints"
    return kept / digest_of(name)[:16] if "/" in name else kept
