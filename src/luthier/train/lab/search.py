"""Settings tried one after the other: what a trial is, what it came to, and when it is ended early."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.domain.value import Value
from luthier.errors import Refused
from luthier.train.config import TrainConfig
from luthier.train.lab.config import SearchConfig, Setting
from luthier.train.lab.settings import changed

TrialState = Literal["complete", "pruned", "failed"]


class Trial(Value):
    """One trial that has ended: its settings, the losses on the way, and the one that counts."""

    number: int = Field(ge=0)
    settings: Mapping[str, Setting]
    state: TrialState
    loss: float | None = Field(description="Lowest on the validation split; None where it did not come to its end.")
    losses: Mapping[int, float] = Field(description="Evaluation, from 0 -> validation loss.")
    run: str | None = Field(description="Digest of the run's record; None where there is none.")
    reason: str = ""


class SearchResult(Value):
    """All trials of a search, and the best of them."""

    search: str
    trials: tuple[Trial, ...]
    best: Trial | None
    importances: Mapping[str, float] | None = Field(
        description="Setting -> share of the losses' variance that it explains; None for too few trials."
    )


class Pruned(Refused):
    """A trial was ended because earlier ones were better at this point."""

    code = "pruned"

    def __init__(self, at: int, loss: float, median: float) -> None:
        super().__init__(
            f"ended early: validation loss {loss:.4f} at evaluation {at} is above {median:.4f}, the median of earlier "
            "trials there",
            hint="this is what a search is for; set train.search.prunes to false to run every trial to its end",
        )
        self.at, self.loss = at, loss


def check_space(config: TrainConfig, search: SearchConfig) -> None:
    """Every setting exists and takes its outermost values; told before anything is spent."""
    for name, domain in search.space.items():
        ends = domain if isinstance(domain, tuple) else (domain.low, domain.high)
        for value in ends:
            is_whole = not isinstance(domain, tuple) and domain.whole
            changed(config, {name: int(value) if is_whole else value})


def median_at(trials: Sequence[Trial], evaluation: int) -> float | None:
    """The median of what completed trials had reached by that evaluation; None where none came so far."""
    reached = sorted(
        min(loss for at, loss in trial.losses.items() if at <= evaluation)
        for trial in trials
        if trial.state == "complete"
        and any(at <= evaluation for at in trial.losses)
        and max(trial.losses) >= evaluation
    )
    if not reached:
        return None
    middle = len(reached) // 2
    return reached[middle] if len(reached) % 2 else (reached[middle - 1] + reached[middle]) / 2


def evaluation_of(point: CurvePoint, every_epochs: float) -> int:
    """Which evaluation a point belongs to, from 0; told by its epoch, so that a resumed run counts on."""
    return round(point.epoch / every_epochs)


def ended(number: int, settings: Mapping[str, Setting], run: TrainingRun, digest: str, *, every_epochs: float) -> Trial:
    """A trial that ran to its end; its loss is that of the adapter it kept."""
    losses = {
        evaluation_of(point, every_epochs): point.validation_loss
        for point in run.curve
        if point.validation_loss is not None
    }
    return Trial(
        number=number, settings=settings, state="complete", loss=run.best_validation_loss, losses=losses, run=digest
    )


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The completed trial with the lowest loss; of equals the earliest."""
    done = [trial for trial in trials if trial.state == "complete" and trial.loss is not None]
    return min(done, key=lambda trial: (trial.loss, trial.number), default=None)
