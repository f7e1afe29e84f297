"""Figures with their intervals in rows: dots with whiskers, or bars with whiskers, against one axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from luthier.errors import EmptySample
from luthier.lifecycle.report.charts.scale import Scale, spread, tick_labels, ticks
from luthier.lifecycle.report.charts.svg import LINE, Drawing, fitted, width_of

Tone = Literal["baseline", "tuned", "control", "better", "worse", "unclear"]
Shape = Literal["dot", "bar"]
ROOMY = 560.0
DOT, CAP, EDGE = 4.5, 4.0, 2.0


@dataclass(frozen=True)
class Row:
    """One figure: its name, its place, how far it may be off, and what is written beside it."""

    label: str
    value: float
    low: float
    high: float
    text: str
    tone: Tone = "baseline"


@dataclass(frozen=True)
class Group:
    """Rows under one heading; an empty heading takes no room."""

    heading: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Line:
    """A figure that matters to all rows, such as a threshold or no difference."""

    at: float
    label: str


def rows_chart(
    title: str,
    groups: Sequence[Group],
    *,
    axis: str,
    width: float,
    shape: Shape = "dot",
    line: Line | None = None,
    domain: tuple[float, float] | None = None,
) -> str:
    """One row per figure, its whisker across; on narrow paper the labels stand above their rows."""
    rows = [row for group in groups for row in group.rows]
    if not rows:
        raise EmptySample(title)
    low, high = domain or _domain(rows, shape, line)
    plan = _plan(rows, width)
    top = EDGE + LINE + (LINE if line and line.label else 0)
    height = top + sum(_heights(groups, plan.row)) + 2.6 * LINE
    drawing = Drawing(width, height, title)
    drawing.text(EDGE, EDGE + 10, title, room=width - 2 * EDGE, kind="title")
    scale = Scale(low, high, plan.left, plan.right)
    bottom = height - 2.4 * LINE
    _axis(drawing, scale, top, bottom, axis)
    if line:
        _reference(drawing, scale, line, top, bottom)
    for y, item in _places(groups, top, plan.row):
        if isinstance(item, str):
            drawing.text(EDGE, y + 13, item, room=width - 2 * EDGE, kind="heading")
        else:
            _draw(drawing, item, y, plan)
            _mark(drawing, item, _centre(y, plan), scale, shape)
    return drawing.svg()


@dataclass(frozen=True)
class _Plan:
    """Where the columns are: labels up to `left`, the plot, texts after `right`; `row` is a row's height."""

    left: float
    right: float
    row: float
    labels_above: bool
    width: float


def _plan(rows: Sequence[Row], width: float) -> _Plan:
    texts = min(max(width_of(row.text) for row in rows), 0.34 * width)
    if width < ROOMY:
        return _Plan(EDGE + DOT + 8, width - EDGE - 12, 2 * LINE, labels_above=True, width=width)
    labels = min(max(width_of(row.label) for row in rows), 0.3 * width)
    return _Plan(EDGE + labels + 16, width - EDGE - texts - 16, 1.35 * LINE, labels_above=False, width=width)


def _domain(rows: Sequence[Row], shape: Shape, line: Line | None) -> tuple[float, float]:
    values = [figure for row in rows for figure in (row.low, row.value, row.high)]
    if line:
        values.append(line.at)
    if shape == "bar":
        values.append(0.0)
    low, high = spread(values)
    return (max(low, 0.0), high) if shape == "bar" and min(values) == 0 else (low, high)


def _heights(groups: Sequence[Group], row: float) -> Iterator[float]:
    for group in groups:
        yield (1.2 * LINE if group.heading else 0) + row * len(group.rows)


def _places(groups: Sequence[Group], top: float, row: float) -> Iterator[tuple[float, Row | str]]:
    y = top
    for group in groups:
        if group.heading and group.rows:
            yield y, group.heading
        y += 1.2 * LINE if group.heading else 0
        for item in group.rows:
            yield y, item
            y += row


def _axis(drawing: Drawing, scale: Scale, top: float, bottom: float, name: str) -> None:
    count = max(2, int((scale.end - scale.start) / 80))
    values = ticks(scale.low, scale.high, count)
    drawing.line(scale.start, bottom, scale.end, bottom, "axis")
    written = -1e9
    for value, label in zip(values, tick_labels(values), strict=True):
        x, half = scale.at(value), width_of(label) / 2
        drawing.line(x, top, x, bottom, "grid")
        drawing.line(x, bottom, x, bottom + 4, "axis")
        if x - half > written and x - half >= 0 and x + half <= drawing.width:
            drawing.text(x, bottom + 16, label, room=drawing.width, kind="tick", anchor="middle")
            written = x + half + 4
    middle = (scale.start + scale.end) / 2
    room = 2 * min(middle, drawing.width - middle) - 4
    drawing.text(middle, bottom + 34, name, room=room, kind="axis-name", anchor="middle")


def _reference(drawing: Drawing, scale: Scale, line: Line, top: float, bottom: float) -> None:
    x = scale.at(line.at)
    drawing.line(x, top, x, bottom, "reference")
    if not line.label:
        return
    half = width_of(line.label) / 2
    middle = min(max(x, half + 2), drawing.width - half - 2)
    drawing.text(middle, top - 6, line.label, room=drawing.width - 4, kind="tick", anchor="middle")


def _centre(y: float, plan: _Plan) -> float:
    return y + (1.45 * LINE if plan.labels_above else plan.row / 2)


def _draw(drawing: Drawing, row: Row, y: float, plan: _Plan) -> None:
    centre = _centre(y, plan)
    if plan.labels_above:
        text = fitted(row.text, 0.5 * plan.width)
        room = plan.width - 2 * EDGE - width_of(text) - 12
        drawing.text(EDGE, y + 13, row.label, room=room)
        drawing.text(plan.width - EDGE, y + 13, row.text, room=0.5 * plan.width, kind="value", anchor="end")
    else:
        drawing.text(plan.left - 12, centre + 4, row.label, room=plan.left - EDGE - 12, anchor="end")
        drawing.text(plan.right + 12, centre + 4, row.text, room=plan.width - plan.right - EDGE - 12, kind="value")


def _mark(drawing: Drawing, row: Row, y: float, scale: Scale, shape: Shape) -> None:
    low, value, high = scale.at(row.low), scale.at(row.value), scale.at(row.high)
    if shape == "bar":
        zero = scale.at(0.0)
        drawing.box(min(zero, value), y - 5, abs(value - zero), 10, f"bar {row.tone}")
    if row.high > row.low:
        drawing.line(low, y, high, y, f"whisker {row.tone}")
        for end in (low, high):
            drawing.line(end, y - CAP, end, y + CAP, f"whisker {row.tone}")
    if shape == "dot":
        place = drawing.diamond if row.tone in {"control", "worse"} else drawing.dot
        place(value, y, DOT, f"mark {row.tone}")
