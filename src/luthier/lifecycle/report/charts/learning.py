"""What more rows buy: every run's loss against its rows, the law through them with its band, and twice the rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from luthier.errors import EmptySample
from luthier.lifecycle.report.charts.rows import EDGE
from luthier.lifecycle.report.charts.scale import Scale, spread, tick_labels, ticks
from luthier.lifecycle.report.charts.svg import LINE, Drawing, width_of

HEIGHT = 230.0
Places = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Belief:
    """The law's loss at so many rows, with its interval."""

    rows: float
    loss: float
    low: float
    high: float


def learning_chart(title: str, runs: Places, law: Sequence[Belief], *, width: float) -> str:
    """Runs as dots of (rows, loss) on a logarithmic axis; the law as a line in its band, dashed where nobody measured.

    Without a law the dots stand alone.
    """
    if not runs:
        raise EmptySample(title)
    most = max(rows for rows, _ in runs)
    top = EDGE + 4 * LINE
    drawing = Drawing(width, top + HEIGHT + 2.6 * LINE, title)
    drawing.text(EDGE, EDGE + 10, title, room=width - 2 * EDGE, kind="title")
    _legend(drawing, EDGE + 10 + LINE, has_law=bool(law))
    low, high = spread([*(loss for _, loss in runs), *(end for each in law for end in (each.low, each.high))])
    left = EDGE + max(width_of(label) for label in tick_labels(ticks(low, high, 5))) + 10
    losses = Scale(low, high, top + HEIGHT, top)
    doublings = [math.log2(rows) for rows, _ in runs] + [math.log2(each.rows) for each in law]
    across = Scale(*spread(doublings, pad=0.04), min(left, width / 3), width - EDGE - 10)
    _grid(drawing, losses, across)
    _law(drawing, law, most, across, losses)
    for rows, loss in runs:
        drawing.dot(across.at(math.log2(rows)), losses.at(loss), 3.5, "point-run")
    _rows_axis(drawing, sorted({rows for rows, _ in runs}), law, across, top + HEIGHT)
    return drawing.svg()


def _law(drawing: Drawing, law: Sequence[Belief], most: float, across: Scale, losses: Scale) -> None:
    if not law:
        return
    ordered = sorted(law, key=lambda each: each.rows)
    places = [across.at(math.log2(each.rows)) for each in ordered]
    upper = [(x, losses.at(each.high)) for x, each in zip(places, ordered, strict=True)]
    lower = [(x, losses.at(each.low)) for x, each in zip(places, ordered, strict=True)]
    drawing.area([*upper, *lower[::-1]], "law-band")
    line = [(x, losses.at(each.loss)) for x, each in zip(places, ordered, strict=True)]
    measured = sum(each.rows <= most for each in ordered)
    drawing.path(line[:measured], "law")
    drawing.path(line[max(0, measured - 1) :], "law law-beyond")
    last = ordered[-1]
    if last.rows > most:
        x = places[-1]
        drawing.line(x, losses.at(last.low), x, losses.at(last.high), "whisker")
        drawing.diamond(x, losses.at(last.loss), 4.5, "mark")


def _legend(drawing: Drawing, y: float, *, has_law: bool) -> None:
    drawing.dot(EDGE + 5, y - 4, 3.5, "point-run")
    x = EDGE + 14
    drawing.text(x, y, "one run", room=drawing.width - x, kind="tick")
    if not has_law:
        return
    x += width_of("one run") + 14
    drawing.box(x, y - 10, 18, 12, "law-band")
    drawing.line(x, y - 4, x + 18, y - 4, "law")
    drawing.text(x + 23, y, "law, 95% band", room=drawing.width - x - 23, kind="tick")
    below = y + LINE
    drawing.diamond(EDGE + 5, below - 4, 4.5, "mark")
    drawing.text(EDGE + 14, below, "twice the rows, forecast: nobody measured it", room=drawing.width - 16, kind="tick")


def _grid(drawing: Drawing, losses: Scale, across: Scale) -> None:
    found = ticks(losses.low, losses.high, 5)
    for value, label in zip(found, tick_labels(found), strict=True):
        y = losses.at(value)
        drawing.line(across.start, y, across.end, y, "grid")
        drawing.text(across.start - 6, y + 4, label, room=across.start - 6, kind="tick", anchor="end")
    drawing.line(across.start, losses.start, across.end, losses.start, "axis")


def _rows_axis(drawing: Drawing, sizes: Sequence[float], law: Sequence[Belief], across: Scale, bottom: float) -> None:
    """Ticks at the numbers of rows that were trained on and at the forecast; one that would overlap is left out."""
    wanted = [*sizes, *([law[-1].rows] if law and law[-1].rows > sizes[-1] else [])]
    free = math.inf
    for rows in reversed(wanted):  # the ends matter most, and the right one says what was bought
        x, label = across.at(math.log2(rows)), f"{rows:,.0f}"
        half = width_of(label) / 2
        drawing.line(x, bottom, x, bottom + 4, "axis")
        if x + half + 6 < free and half <= x and x + half <= drawing.width:
            drawing.text(x, bottom + 16, label, room=drawing.width, kind="tick", anchor="middle")
            free = x - half
    middle = (across.start + across.end) / 2
    drawing.text(middle, bottom + 34, "training rows, on a logarithmic axis", room=drawing.width,
                 kind="axis-name", anchor="middle")  # fmt: skip
