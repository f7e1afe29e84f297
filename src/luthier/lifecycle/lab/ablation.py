"""Ablations: the project's settings with one thing changed at a time, seed by seed against the unchanged ones."""

from collections.abc import Sequence

from pydantic import Field

from luthier.domain.measure import Measurement
from luthier.domain.runs import TrainingRun
from luthier.domain.value import Value
from luthier.errors import MissingInput, UserError
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.order import Order
from luthier.lifecycle.links.training import settle_run
from luthier.lifecycle.workspace import Workspace
from luthier.train.config import TrainConfig
from luthier.train.lab.config import FIXED, Setting
from luthier.train.lab.settings import changed

UNCHANGED = "unchanged"


class Ablated(Value):
    """What one change did."""

    change: str
    runs: tuple[str, ...] = Field(description="Digests of its runs, one per seed.")
    losses: tuple[float, ...]
    rise: Measurement | None = Field(description="Of the validation loss over the unchanged run of the same seed.")


class Ablation(Value):
    """The unchanged runs, and every change against them."""

    unchanged: Ablated
    changes: tuple[Ablated, ...]


def ablate(work: Workspace, variants: Variants, changes: Sequence[str], *, seeds: int) -> Ablation:
    """Each of the changes, such as `adapter.rank=8`, alone; runs that are there already are not run again."""
    config = work.config.train
    chosen = {change: changed(config, dict([_parsed(change)])) for change in dict.fromkeys(changes)}
    if not chosen:
        raise UserError("nothing is to be changed", hint="give --change NAME=VALUE, such as adapter.rank=8")
    unchanged = _runs(work, variants, UNCHANGED, config, seeds)
    found = [_against(_runs(work, variants, change, each, seeds), unchanged) for change, each in chosen.items()]
    return Ablation(unchanged=unchanged, changes=tuple(found))


def _parsed(change: str) -> tuple[str, Setting]:
    name, equals, text = change.partition("=")
    if not equals or not name.strip():
        raise UserError(f"{change!r} changes nothing", hint="write NAME=VALUE, such as adapter.rank=8")
    if name.strip().split(".")[0] in FIXED:
        raise UserError(f"{name!r} cannot be changed: losses would not be comparable")
    return name.strip(), text.strip()


def _runs(work: Workspace, variants: Variants, change: str, config: TrainConfig, seeds: int) -> Ablated:
    runs, losses = [], []
    for seed in range(seeds):
        work.voice.say(f"{change}, seed {config.seed + seed}")
        seeded = config.model_copy(update={"seed": config.seed + seed})
        settled = settle_run(work, variants, Order(f"ablate/{change}#{seed}", seeded))
        loss = work.fetch(settled.digest, TrainingRun).best_validation_loss
        if loss is None:
            raise MissingInput(f"the run of {change} has no validation loss", hint="train where one is measured")
        runs.append(settled.digest)
        losses.append(loss)
    return Ablated(change=change, runs=tuple(runs), losses=tuple(losses), rise=None)


def _against(changed: Ablated, unchanged: Ablated) -> Ablated:
    """With the rise of the loss, paired by seed; one seed has no interval and gives none."""
    rises = [after - before for after, before in zip(changed.losses, unchanged.losses, strict=True)]
    rise = Measurement.of_mean("rise of the validation loss", rises) if len(rises) > 1 else None
    return changed.model_copy(update={"rise": rise})
