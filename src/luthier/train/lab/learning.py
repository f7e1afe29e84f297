"""What more rows would buy: runs on nested parts of the data, the law they follow, and one sentence (R19)."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from luthier.domain.measure import Measurement
from luthier.domain.value import Value
from luthier.errors import EmptySample
from luthier.train.config import TrainConfig
from luthier.train.lab.powerlaw import FEWEST_SIZES, Forecast, Point, PowerLaw, fit, forecast

SHARES = (0.1, 0.25, 0.5, 1.0)
WORTHWHILE = 0.02
"""Of the loss there is now: a fall by less is nothing that labelling twice the rows would be paid for."""
MOST_EPOCHS = 1000
BAND_STEPS = 12
Answer = Literal["more_rows", "enough_rows", "not_enough_evidence"]


class CurveRun(Value):
    """One run of a learning curve."""

    run: str = Field(description="Digest of its record.")
    share: float
    seed: int
    rows: int = Field(gt=0)
    loss: float = Field(description="On the validation split, of the adapter that was kept.")
    tasks: Mapping[str, Measurement] = Field(default={}, description="Metric -> figure of the kept adapter.")


class LearningCurve(Value):
    """Runs on parts of the data, and what twice the rows would do."""

    snapshot: str
    runs: tuple[CurveRun, ...]
    law: PowerLaw | None
    doubled: Forecast | None
    band: tuple[Forecast, ...] = Field(
        default=(),
        description="What the law says from the fewest rows trained on to twice the most; last is `doubled`.",
    )
    answer: Answer
    sentence: str


def learning_curve(runs: Sequence[CurveRun], *, snapshot: str, fewest_rows: int, seed: int) -> LearningCurve:
    """The law of the runs and its answer; `fewest_rows` is the hard stop below which no law helps."""
    if not runs:
        raise EmptySample("learning curve")
    ordered = tuple(sorted(runs, key=lambda each: (each.rows, each.seed)))
    points = [Point(each.rows, each.loss) for each in ordered]
    law = fit(points)
    most = ordered[-1].rows
    band = tuple(forecast(points, law, rows, now=most, seed=seed) for rows in _places(points)) if law else ()
    doubled = band[-1] if band else None
    answer, sentence = _answer(ordered, law, doubled, most)
    if most < fewest_rows:
        sentence = f"{most:,} rows are fewer than the {fewest_rows:,} that tuning needs at all (R19). {sentence}"
    return LearningCurve(
        snapshot=snapshot, runs=ordered, law=law, doubled=doubled, band=band, answer=answer, sentence=sentence
    )


def _places(points: Sequence[Point]) -> list[float]:
    """Rows to ask the law about: those trained on, steps of equal factors between them, and twice the most."""
    sizes = sorted({float(point.rows) for point in points})
    steps = (2 * sizes[-1] / sizes[0]) ** (1 / BAND_STEPS)
    between = [sizes[0] * steps**at for at in range(1, BAND_STEPS)]
    return sorted({*sizes, *between, 2 * sizes[-1]})


def settings_for(config: TrainConfig, *, rows: int, of: int, seed: int) -> TrainConfig:
    """The settings of a run on `rows` of the rows: as many steps as on all, evaluated as often, of another seed.

    With the same epochs a tenth of the rows would get a tenth of the steps, and the curve would show steps, not rows.
    The last epoch is made whole, so there may be a few steps more.
    """
    steps, steps_per_epoch = config.epochs * -(-of // config.batch_size), -(-rows // config.batch_size)
    epochs = min(MOST_EPOCHS, -(-steps // steps_per_epoch))
    more = {
        "epochs": epochs,
        "evaluate_every_epochs": min(float(MOST_EPOCHS), config.evaluate_every_epochs * epochs / config.epochs),
        "seed": config.seed + seed,
        "keep_checkpoints": "best",
    }
    return TrainConfig.model_validate({**config.model_dump(), **more})


def _answer(runs: Sequence[CurveRun], law: PowerLaw | None, doubled: Forecast | None, most: int) -> tuple[Answer, str]:
    if law is None or doubled is None:
        sizes = len({each.rows for each in runs})
        told = f"{sizes} different numbers of rows were trained on, and a law needs {FEWEST_SIZES}"
        return "not_enough_evidence", f"Not enough points: {told}."
    line = WORTHWHILE * law.at(most)
    said = (
        f"twice the {most:,} rows would lower the validation loss from {law.at(most):.4f} to {doubled.loss:.4f}, "
        f"a fall of {doubled.gain:.4f} (95% {doubled.gain_low:.4f} to {doubled.gain_high:.4f})"
    )
    if doubled.gain_low > line:
        return "more_rows", f"More rows would help: {said}."
    if doubled.gain_high < line:
        return "enough_rows", f"More rows like these would hardly help: {said}, less than {WORTHWHILE:.0%} of it."
    unsure = f"{len(runs)} runs leave it open whether that is more than {WORTHWHILE:.0%}; more seeds would tell"
    return "not_enough_evidence", f"Not enough points: {said}; {unsure}."
