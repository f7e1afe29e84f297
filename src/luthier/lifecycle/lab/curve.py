"""Learning curves: runs on nested parts of the admitted rows, each in the run table, and what they foretell."""

from collections.abc import Sequence

from luthier.domain.runs import TrainingRun
from luthier.errors import MissingInput, UserError
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.lab.order import Order
from luthier.lifecycle.links.review import admitted_rows
from luthier.lifecycle.links.training import settle_run
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.train.lab.learning import SHARES, CurveRun, LearningCurve, learning_curve, settings_for
from luthier.train.lab.subsets import Subset

VERSION = 2


def settle_learning_curve(
    work: Workspace, variants: Variants, *, shares: Sequence[float] = SHARES, seeds: int = 1
) -> Settled:
    """The learning curve of the project as it stands; runs that are there already are not run again."""
    _check(shares, seeds)
    runs = {
        f"{share:g}#{seed}": _run(work, variants, share, seed) for share in sorted(set(shares)) for seed in range(seeds)
    }
    inputs = {"snapshot": work.require("data"), **{name: each.run for name, each in runs.items()}}
    return work.settle(
        "learning_curve",
        version_number=VERSION,
        section={"fewest_rows": work.config.assess.min_training_rows},
        inputs=inputs,
        libraries=("numpy",),
        perform=lambda: _keep(work, list(runs.values())),
    )


def last_learning_curve(work: Workspace) -> LearningCurve | None:
    """The learning curve that was measured last, or None."""
    digest = work.latest("learning_curve")
    return work.fetch(digest, LearningCurve) if digest else None


def _check(shares: Sequence[float], seeds: int) -> None:
    wrong = [share for share in shares if not 0 < share <= 1]
    if wrong:
        raise UserError(f"{wrong[0]:g} is no share of the rows", hint="give shares above 0 and up to 1, such as 0.25")
    if seeds < 1:
        raise UserError(f"{seeds} seeds are no runs", hint="give 1 or more")


def _run(work: Workspace, variants: Variants, share: float, seed: int) -> CurveRun:
    subset, rows = Subset(share=share, seed=seed), len(admitted_rows(work, "train"))
    config = settings_for(work.config.train, rows=subset.count(rows), of=rows, seed=seed)
    name = f"curve/{share:g}#{seed}"
    work.voice.say(f"{name}: {share:.0%} of the rows, seed {config.seed}")
    settled = settle_run(work, variants, Order(name, config, subset))
    record = work.fetch(settled.digest, TrainingRun)
    if record.best_validation_loss is None or record.rows is None:
        raise MissingInput(
            f"run {name} has no validation loss", hint="learning curves need a back end that measures one"
        )
    return CurveRun(
        run=settled.digest, share=share, seed=seed, rows=record.rows, loss=record.best_validation_loss,
        tasks=record.tasks,
    )  # fmt: skip


def _keep(work: Workspace, runs: Sequence[CurveRun]) -> str:
    found = learning_curve(
        runs, snapshot=work.require("data"), fewest_rows=work.config.assess.min_training_rows,
        seed=work.config.train.seed,
    )  # fmt: skip
    work.voice.say(found.sentence)
    return work.keep(found, kind="learning_curve", parents=[work.require("data"), *(each.run for each in runs)])
