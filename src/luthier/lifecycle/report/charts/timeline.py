"""Who answered which share of users over time, with the verdict at the end of every stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from luthier.errors import EmptySample
from luthier.lifecycle.report.charts.rows import EDGE
from luthier.lifecycle.report.charts.scale import Scale, tick_labels, ticks
from luthier.lifecycle.report.charts.svg import LINE, Drawing, width_of

Ending = Literal["pass", "fail", "not_enough_evidence", "none"]
LANE, RISE = 74.0, 40.0
UNITS = ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
LEAST_UNITS = 3.0


@dataclass(frozen=True)
class Span:
    """A share of users from one moment to another."""

    begin: datetime
    end: datetime
    percent: float


@dataclass(frozen=True)
class Verdict:
    """How a stage ended, and when."""

    at: datetime
    outcome: Ending


@dataclass(frozen=True)
class Lane:
    """One release over time; `is_bad` when it was taken back."""

    label: str
    spans: Sequence[Span]
    verdicts: Sequence[Verdict]
    is_bad: bool = False


def timeline_chart(
    title: str, lanes: Sequence[Lane], killed: Sequence[tuple[datetime, datetime]], *, width: float
) -> str:
    """One lane per release, as high as its share; marks tell verdicts, bands tell the kill switch."""
    moments = [moment for lane in lanes for span in lane.spans for moment in (span.begin, span.end)]
    if not moments:
        raise EmptySample(title)
    began, ended = min(moments), max(moments)
    unit, name = _unit((ended - began).total_seconds())
    length = (ended - began).total_seconds() / unit or 1.0
    scale = Scale(0.0, length, EDGE + 42, width - EDGE - 8)
    top = EDGE + (2 if killed else 1) * LINE + 4
    bottom = top + LANE * len(lanes)
    drawing = Drawing(width, bottom + 2.4 * LINE, title)
    drawing.text(EDGE, EDGE + 10, title, room=width - 2 * EDGE, kind="title")

    def place(moment: datetime) -> float:
        return scale.at((moment - began).total_seconds() / unit)

    for begin, end in killed:
        _band(drawing, place(begin), place(end), top, bottom)
    for number, lane in enumerate(lanes):
        _lane(drawing, lane, [(place(s.begin), place(s.end), s.percent) for s in lane.spans], top + LANE * number)
        for verdict in lane.verdicts:
            _verdict(drawing, place(verdict.at), top + LANE * (number + 1) - 8, verdict.outcome)
    _time_axis(drawing, scale, bottom, f"{name} since {began:%Y-%m-%d %H:%M} UTC")
    return drawing.svg()


def _unit(seconds: float) -> tuple[float, str]:
    return next(((size, name) for size, name in UNITS if seconds >= LEAST_UNITS * size), UNITS[-1])


def _lane(drawing: Drawing, lane: Lane, spans: Sequence[tuple[float, float, float]], top: float) -> None:
    floor = top + LANE - 8
    tone = "worse" if lane.is_bad else "tuned"
    drawing.text(EDGE, top + 15, lane.label, room=drawing.width - 2 * EDGE)
    drawing.text(EDGE + 36, floor - RISE + 4, "100%", room=36, kind="tick", anchor="end")
    drawing.text(EDGE + 36, floor + 4, "0%", room=36, kind="tick", anchor="end")
    drawing.line(EDGE + 42, floor - RISE, drawing.width - EDGE - 8, floor - RISE, "grid")
    drawing.line(EDGE + 42, floor, drawing.width - EDGE - 8, floor, "axis")
    for begin, end, percent in spans:
        height = RISE * min(100.0, max(0.0, percent)) / 100
        drawing.box(begin, floor - height, max(1.5, end - begin), height, f"share {tone}")
        label = f"{percent:g}%"
        if end - begin > width_of(label) + 20 and 0 < percent < 100:
            above = height < RISE - 14
            y = floor - height - 4 if above else floor - height + 12
            drawing.text((begin + end) / 2, y, label, room=end - begin, kind="figure", anchor="middle")


def _verdict(drawing: Drawing, x: float, y: float, outcome: Ending) -> None:
    """A filled dot with a tick passed, a filled diamond with a cross failed, an open dot held or was cut short."""
    match outcome:
        case "pass":
            drawing.dot(x, y, 6, "mark better")
            drawing.path([(x - 3, y), (x - 1, y + 2.5), (x + 3, y - 2.5)], "sign")
        case "fail":
            drawing.diamond(x, y, 7.5, "mark worse")
            drawing.line(x - 2.2, y - 2.2, x + 2.2, y + 2.2, "sign")
            drawing.line(x - 2.2, y + 2.2, x + 2.2, y - 2.2, "sign")
        case _:
            drawing.dot(x, y, 5, "mark baseline")


def _band(drawing: Drawing, begin: float, end: float, top: float, bottom: float) -> None:
    wide = max(2.0, end - begin)
    drawing.box(begin, top, wide, bottom - top, "killed")
    label, middle = "kill switch", begin + wide / 2
    half = width_of(label) / 2
    drawing.text(
        min(max(middle, half + 2), drawing.width - half - 2), top - 6, label, room=drawing.width, kind="tick",
        anchor="middle",
    )  # fmt: skip


def _time_axis(drawing: Drawing, scale: Scale, bottom: float, name: str) -> None:
    values = ticks(scale.low, scale.high, max(2, int((scale.end - scale.start) / 80)))
    for value, label in zip(values, tick_labels(values), strict=True):
        x = scale.at(value)
        drawing.line(x, bottom - 8, x, bottom - 4, "axis")
        if width_of(label) / 2 <= min(x, drawing.width - x):
            drawing.text(x, bottom + 14, label, room=drawing.width, kind="tick", anchor="middle")
    middle = (scale.start + scale.end) / 2
    room = 2 * min(middle, drawing.width - middle) - 4
    drawing.text(middle, bottom + 33, name, room=room, kind="axis-name", anchor="middle")
