"""What a report says of training runs beside their curves: the curve as a table, overfitting, and more rows."""

from collections.abc import Sequence

from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.lifecycle.report.blocks import Block, Cell, Chart, Table, Text, measured_cell, row
from luthier.train.lab.learning import LearningCurve
from luthier.train.lab.overfitting import overfitting

MOST_ROWS = 20
MIB = 1 << 20


def curve_table(name: str, run: TrainingRun) -> list[Table]:
    """The evaluated points of a run, at most a screenful with first, last and kept among them; none of an empty run."""
    points = _shown([point for point in run.curve if point.validation_loss is not None], run.best_step)
    if not points:
        return []
    metrics = list(dict.fromkeys(metric for point in points for metric in point.tasks))
    head = ("step", "epoch", "train loss", "validation loss", *metrics, "learning rate", "gradient norm", "tokens/s",
            "memory MiB")  # fmt: skip
    rows = [_point(point, metrics, is_kept=point.step == run.best_step) for point in points]
    return [Table(f"The {name} run as it was evaluated; the losses of every step are in the JSON report", head, rows,
                  folded=True)]  # fmt: skip


def told_overfitting(run: TrainingRun) -> str:
    """The flag and its reasons in one sentence."""
    found = overfitting(run.curve, kept=run.best_step)
    said = {"pass": "not seen", "fail": "seen", "not_enough_evidence": "not known"}[found.outcome]
    return f"{said}; {'; '.join(found.reasons)}."


def learning_blocks(found: LearningCurve) -> list[Block]:
    """What more rows would buy, and the runs that say so."""
    metrics = list(dict.fromkeys(metric for each in found.runs for metric in each.tasks))
    rows = [
        row(f"{each.share:.0%}", f"{each.rows:,}", str(each.seed), f"{each.loss:.4f}",
            *(measured_cell(each.tasks.get(metric)) for metric in metrics))
        for each in found.runs
    ]  # fmt: skip
    head = ("share", "rows", "seed", "validation loss", *metrics)
    told = [Table("Runs on parts of the rows, with as many steps each", head, rows, folded=True)]
    return [Text(found.sentence), Chart("learning"), *_law_table(found), *told]


def _law_table(found: LearningCurve) -> list[Table]:
    """The law where runs were and at twice the most rows."""
    measured = {each.rows: [one.loss for one in found.runs if one.rows == each.rows] for each in found.runs}
    rows = [
        row(f"{each.rows:,.0f}", _mean(measured.get(round(each.rows))), f"{each.loss:.4f}",
            f"{each.low:.4f} to {each.high:.4f}")
        for each in found.band
        if each.rows in measured or each == found.band[-1]
    ]  # fmt: skip
    head = ("rows", "measured", "law", "95% interval of the law")
    return [Table("What the law says; the last line is a forecast", head, rows)] if rows else []


def _mean(losses: Sequence[float] | None) -> str:
    return "not measured" if not losses else f"{sum(losses) / len(losses):.4f}"


def _shown(points: Sequence[CurvePoint], kept: int) -> list[CurvePoint]:
    if len(points) <= MOST_ROWS:
        return list(points)
    places = {round(place * (len(points) - 1) / (MOST_ROWS - 1)) for place in range(MOST_ROWS)}
    return [point for at, point in enumerate(points) if at in places or point.step == kept]


def _point(point: CurvePoint, metrics: Sequence[str], *, is_kept: bool) -> list[Cell]:
    memory = None if point.memory_bytes is None else point.memory_bytes / MIB
    return row(
        Cell(f"{point.step:,}", "kept" if is_kept else ""), f"{point.epoch:.2f}", _figure(point.train_loss, ".4f"),
        _figure(point.validation_loss, ".4f"), *(measured_cell(point.tasks.get(metric)) for metric in metrics),
        _figure(point.learning_rate, ".2e"), _figure(point.gradient_norm, ".3g"),
        _figure(point.tokens_per_second, ",.0f"), _figure(memory, ",.0f"),
    )  # fmt: skip


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
