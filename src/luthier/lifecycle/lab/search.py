"""Searches: trials in the run table, ended early where earlier ones were better, and rebuilt from what was kept."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from luthier.domain.digests import digest_of
from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.errors import EngineFault, MissingInput
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.order import Order, checkpoints_of
from luthier.lifecycle.links.training import settle_run
from luthier.lifecycle.workspace import Workspace
from luthier.train.config import TrainConfig
from luthier.train.lab.config import SearchConfig, Setting
from luthier.train.lab.search import (
    Pruned,
    SearchResult,
    Trial,
    TrialState,
    best_of,
    check_space,
    ended,
    evaluation_of,
    median_at,
)
from luthier.train.lab.settings import changed

EVENT = "trial"
DIGITS = 12


def search_settings(work: Workspace, variants: Variants) -> SearchResult:
    """All trials of the search that `train.search` asks for; those that ended before are not run again."""
    config, search = work.config.train, _section(work)
    check_space(config, search)
    study = _study()
    name = _name(work, config, search)
    trials = _kept(work, name)
    while len(trials) < search.trials:
        number = len(trials)
        chosen = study.propose(search, trials)
        work.voice.say(f"trial {number + 1} of {search.trials}: {_told(chosen)}")
        trial = _try(work, variants, f"search/{name}/{number}", chosen, trials)
        work.store.events.append(_stream(name), number, EVENT, trial.model_dump(mode="json"), work.clock())
        trials.append(trial)
    return SearchResult(
        search=name, trials=tuple(trials), best=best_of(trials), importances=study.importances(search, trials)
    )


@dataclass
class _Watch:
    """Hears a trial's losses and ends it where the median of earlier trials was lower at the same point."""

    earlier: Sequence[Trial]
    every_epochs: float
    prunes: bool
    losses: dict[int, float] = field(default_factory=dict)

    def __call__(self, point: CurvePoint, done: int, of: int) -> None:
        """One more point of the curve; Pruned where the trial is behind, never at its last step."""
        if point.validation_loss is None:
            return
        at = evaluation_of(point, self.every_epochs)
        self.losses[at] = point.validation_loss
        if not self.prunes or at == 0 or done >= of:
            return
        median = median_at(self.earlier, at)
        best = min(self.losses.values())
        if median is not None and best > median:
            raise Pruned(at, best, median)


def _try(
    work: Workspace, variants: Variants, called: str, chosen: Mapping[str, Setting], earlier: Sequence[Trial]
) -> Trial:
    search, number = _section(work), len(earlier)
    config = changed(work.config.train, chosen)
    completed = [trial for trial in earlier if trial.state == "complete"]
    prunes = search.prunes and len(completed) >= search.startup_trials
    watch = _Watch(completed, config.evaluate_every_epochs, prunes)
    try:
        settled = settle_run(work, variants, Order(called, config, watch=watch))
    except (Pruned, EngineFault) as end:
        if isinstance(end, EngineFault) and config.backend.kind == "hosted":
            raise  # a provider that does not answer says nothing about the settings
        _clear(work, called, end)
        state: TrialState = "pruned" if isinstance(end, Pruned) else "failed"
        return Trial(
            number=number, settings=chosen, state=state, loss=None, losses=watch.losses, run=None, reason=end.message
        )
    run = work.fetch(settled.digest, TrainingRun)
    return ended(number, chosen, run, settled.digest, every_epochs=config.evaluate_every_epochs)


def _clear(work: Workspace, called: str, end: Pruned | EngineFault) -> None:
    """Nothing is kept of a trial but its line in the run table; a diverged one says where the space is too wide."""
    shutil.rmtree(checkpoints_of(work, called), ignore_errors=True)
    work.voice.say(end.message)
    if isinstance(end, EngineFault):
        work.record("train", called, fingerprint=digest_of(called), digest=None, inputs={}, state="refused", fault=end)


def _section(work: Workspace) -> SearchConfig:
    if work.config.train.search is None:
        raise MissingInput(
            "`train.search` is not set, so there is nothing to search",
            hint="add train.search.space, such as {learning_rate: {low: 1e-4, high: 1e-2, log: true}}",
        )
    return work.config.train.search


class _Study(Protocol):
    """What proposes trials; a module of its own, because its library is an extra."""

    def propose(self, search: SearchConfig, trials: Sequence[Trial]) -> dict[str, Setting]: ...
    def importances(self, search: SearchConfig, trials: Sequence[Trial]) -> dict[str, float] | None: ...


def _study() -> _Study:
    try:
        from luthier.train.lab.backends import study  # noqa: PLC0415 - an extra, and half a second
    except ModuleNotFoundError as fault:
        raise MissingInput("Optuna is not installed", hint="pip install luthier[lab]") from fault
    return study


def _name(work: Workspace, config: TrainConfig, search: SearchConfig) -> str:
    """The same for a search that only became longer: what it tried so far still counts."""
    inputs = [work.require(link) for link in ("data", "review", "assess")]
    asked = search.model_dump(mode="json", exclude={"trials"})
    return digest_of([config.recipe, asked, inputs])[:DIGITS]


def _stream(name: str) -> str:
    return f"search/{name}"


def _kept(work: Workspace, name: str) -> list[Trial]:
    return [Trial.model_validate(event.payload) for event in work.store.events.read(_stream(name))]


def _told(chosen: Mapping[str, Setting]) -> str:
    return ", ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
                     for name, value in chosen.items())  # fmt: skip
