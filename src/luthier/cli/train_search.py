"""`luthier train search` and `luthier train ablate`: which settings matter."""

from typing import Annotated

import typer

from luthier.cli.opened import ForceOption, opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show, table
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.ablation import Ablated, Ablation, ablate
from luthier.lifecycle.lab.search import search_settings
from luthier.lifecycle.links.data import rows_of
from luthier.train.lab.search import SearchResult


def search(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Try the settings of `train.search`, judged by the validation loss; a stopped search goes on where it was."""
    with opened(project, assignments, as_json=as_json) as work, work.alone():
        found = search_settings(work, Variants(work, lambda: rows_of(work, "train")))
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
    else:
        _show_search(found)


def ablation(
    change: Annotated[list[str], typer.Option(help="One change, such as adapter.rank=8; repeatable.")],
    seeds: Annotated[int, typer.Option(min=1, max=20, help="Runs of each; one gives no interval.")] = 2,
    project: ProjectOption = None,
    assignments: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train with one setting changed at a time and say what each change did to the validation loss."""
    with opened(project, assignments, as_json=as_json, force=force) as work, work.alone():
        found = ablate(work, Variants(work, lambda: rows_of(work, "train")), change, seeds=seeds)
    if as_json:
        show(found.model_dump(mode="json"), as_json=True)
    else:
        _show_ablation(found)


def _show_search(found: SearchResult) -> None:
    names = list(found.trials[0].settings) if found.trials else []
    rows = [
        [str(trial.number), *(_value(trial.settings[name]) for name in names),
         "-" if trial.loss is None else f"{trial.loss:.4f}", trial.reason or trial.state, (trial.run or "-")[:12]]
        for trial in found.trials
    ]  # fmt: skip
    table(("trial", *names, "validation loss", "ended", "run"), rows)
    if found.best:
        told = " ".join(f"--set train.{name}={_value(value)}" for name, value in found.best.settings.items())
        typer.echo(f"best: trial {found.best.number}, validation loss {found.best.loss:.4f}: {told}")
    for name, share in (found.importances or {}).items():
        typer.echo(f"{name} explains {share:.0%} of the losses' variance")


def _show_ablation(found: Ablation) -> None:
    rows = [[each.change, _losses(each), _rise(each)] for each in (found.unchanged, *found.changes)]
    table(("change", "validation loss, per seed", "rise over the unchanged run"), rows)


def _losses(each: Ablated) -> str:
    return ", ".join(f"{loss:.4f}" for loss in each.losses)


def _rise(each: Ablated) -> str:
    if each.rise is None:
        return "-"
    return f"{each.rise.value:+.4f} ({each.rise.low:+.4f} to {each.rise.high:+.4f}, n = {each.rise.n})"


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
