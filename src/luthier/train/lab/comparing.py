"""Runs of the table found by their settings, and set against each other."""

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from luthier.domain.runs import TrainingRun
from luthier.domain.value import Value
from luthier.errors import UnknownName, UserError

_CLAUSE = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_HOLDS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Clause:
    """One condition on a run, such as `adapter.rank=16`, `method!=dpo` or `best_validation_loss<0.5`."""

    name: str
    comparator: str
    wanted: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The condition that `text` states, or UserError naming what is accepted."""
        found = _CLAUSE.fullmatch(text)
        if found is None:
            raise UserError(f"{text!r} is no condition", hint="write NAME=VALUE, such as adapter.rank=16 or seconds<60")
        if found[2] in _HOLDS and _number(found[3]) is None:
            raise UserError(f"{text!r} compares with {found[3]!r}, which is no number", hint="use = or != for texts")
        return cls(found[1], found[2], found[3])

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Whether a run with these facts fulfils it; one that lacks the fact does not."""
        if self.name not in facts:
            return False
        has = facts[self.name]
        number, wanted = _number(has), _number(self.wanted)
        if self.comparator in _HOLDS:
            return number is not None and wanted is not None and bool(_HOLDS[self.comparator](number, wanted))
        is_same = has == self.wanted or (number is not None and number == wanted)
        return is_same if self.comparator == "=" else not is_same


def facts_of(run: TrainingRun) -> dict[str, str]:
    """Every setting and every figure of a run, by the name a person searches for."""
    figures = {name: value for name, value in figures_of(run).items() if value is not None}
    plain = {"method": run.method, "seed": str(run.seed), "stopped_because": run.stopped_because}
    return {**run.config, **plain, "snapshot": run.snapshot, **{name: repr(value) for name, value in figures.items()}}


def figures_of(run: TrainingRun) -> dict[str, float | None]:
    """What came of a run, as numbers; None where nobody measured it."""
    return {
        "best_validation_loss": run.best_validation_loss,
        "best_step": run.best_step,
        "steps": run.curve[-1].step if run.curve else None,
        "rows": run.rows,
        "tokens_seen": run.tokens_seen,
        "seconds": run.seconds,
        "cost": float(run.cost.amount),
        "trainable_parameters": run.trainable_parameters,
        **{name: found.value for name, found in run.tasks.items()},
    }


def matching(runs: Sequence[TrainingRun], clauses: Sequence[Clause]) -> list[bool]:
    """For each run whether every condition holds; UnknownName where no run has what one asks about."""
    facts = [facts_of(run) for run in runs]
    known = {name for each in facts for name in each}
    if runs and (unknown := [clause.name for clause in clauses if clause.name not in known]):
        raise UnknownName("setting or figure of a run", unknown[0], sorted(known))
    return [all(clause.holds(each) for clause in clauses) for each in facts]


class SettingDifference(Value):
    """One setting in which two runs differ; None where a run does not have it."""

    setting: str
    first: str | None
    second: str | None


class FigureDifference(Value):
    """One figure of both runs."""

    figure: str
    first: float | None
    second: float | None
    change: float | None


class RunDifference(Value):
    """What two runs do not share."""

    settings: tuple[SettingDifference, ...]
    figures: tuple[FigureDifference, ...]
    notes: tuple[str, ...]


def compare_runs(first: TrainingRun, second: TrainingRun) -> RunDifference:
    """Every setting that differs, and every figure of both; each run happened once, so no figure has an interval."""
    mine, theirs = _settings(first), _settings(second)
    names = sorted({*mine, *theirs})
    settings = [
        SettingDifference(setting=name, first=mine.get(name), second=theirs.get(name))
        for name in names
        if mine.get(name) != theirs.get(name)
    ]
    before, after = figures_of(first), figures_of(second)
    figures = [_figure(name, before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after))]
    notes = ["each figure is of one run: a difference as small as that between two seeds says nothing"]
    if first.snapshot != second.snapshot:
        notes.insert(0, "the runs learned from different snapshots, so their losses are of different rows")
    return RunDifference(settings=tuple(settings), figures=tuple(figures), notes=tuple(notes))


def _settings(run: TrainingRun) -> dict[str, str]:
    other = {"base_weights": run.base_weights[:12], "snapshot": run.snapshot[:12], "seed": str(run.seed)}
    return {**run.config, **other}


def _figure(name: str, first: float | None, second: float | None) -> FigureDifference:
    change = None if first is None or second is None else second - first
    return FigureDifference(figure=name, first=first, second=second, change=change)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
