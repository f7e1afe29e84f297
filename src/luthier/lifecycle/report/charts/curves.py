"""How a training run went: losses against steps and the step that was kept; below them step size, gradient, pace."""

from collections.abc import Sequence
from dataclasses import dataclass

from luthier.domain.runs import CurvePoint
from luthier.errors import EmptySample
from luthier.lifecycle.report.charts.rows import EDGE
from luthier.lifecycle.report.charts.scale import Scale, spread, tick_labels, ticks
from luthier.lifecycle.report.charts.svg import LINE, Drawing, width_of

LOSS_HEIGHT, STRIP_HEIGHT, GAP = 210.0, 52.0, 26.0
WINDOW = 40
MOST_POINTS = 600
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Strip:
    """One figure below the losses, on an axis that begins at nought."""

    name: str
    kind: str
    points: Points
    is_noisy: bool

    @property
    def ticks(self) -> list[float]:
        """Nought and the highest figure."""
        return [0.0, max(value for _, value in self.points)]

    @property
    def labels(self) -> list[str]:
        """The ticks as text."""
        return [f"{value:,.0f}" if 1e3 <= value < 1e6 else f"{value:.2g}" for value in self.ticks]


def curves_chart(title: str, curve: Sequence[CurvePoint], best_step: int, *, width: float) -> str:
    """Train loss as measured (light) and smoothed, validation loss with its points, the kept step, and the strips."""
    train = [(float(p.step), p.train_loss) for p in curve if p.train_loss is not None]
    validation = [(float(p.step), p.validation_loss) for p in curve if p.validation_loss is not None]
    if not train and not validation:
        raise EmptySample(title)
    strips = strips_of(curve)
    top = EDGE + 3 * LINE + 4
    middle = top + LOSS_HEIGHT
    bottom = middle + (GAP + STRIP_HEIGHT) * len(strips)
    drawing = Drawing(width, bottom + 2.4 * LINE, title)
    drawing.text(EDGE, EDGE + 10, title, room=width - 2 * EDGE, kind="title")
    _legend(drawing, EDGE + 10 + LINE)
    low, high = spread([loss for _, loss in (*train, *validation)])
    left = EDGE + _label_room(low, high, strips)
    steps = Scale(*spread([float(best_step), *(float(p.step) for p in curve)], pad=0.02), left, width - EDGE - 6)
    losses = Scale(low, high, middle, top)
    _grid(drawing, losses, steps)
    _best(drawing, steps.at(best_step), best_step, top, bottom)
    _plot(drawing, thinned(train), "curve-raw", steps, losses)
    _plot(drawing, thinned(smoothed(train)), "curve-train", steps, losses)
    _plot(drawing, thinned(validation), "curve-validation", steps, losses)
    for step, loss in thinned(validation):
        drawing.dot(steps.at(step), losses.at(loss), 2.5, "point-validation")
    for place, strip in enumerate(strips, start=1):
        end = middle + (GAP + STRIP_HEIGHT) * place
        _strip(drawing, strip, steps, end - STRIP_HEIGHT, end)
    _steps_axis(drawing, steps, bottom)
    return drawing.svg()


def strips_of(curve: Sequence[CurvePoint]) -> list[Strip]:
    """The figures beside the losses that the run measured at two points or more."""
    made = (
        Strip("learning rate", "curve-rate", _measured(curve, "learning_rate"), is_noisy=False),
        Strip("gradient norm", "curve-gradient", _measured(curve, "gradient_norm"), is_noisy=True),
        Strip("tokens per second, without padding", "curve-pace", _measured(curve, "tokens_per_second"), is_noisy=True),
    )
    return [strip for strip in made if len(strip.points) > 1]


def _measured(curve: Sequence[CurvePoint], name: str) -> list[tuple[float, float]]:
    return [(float(point.step), float(value)) for point in curve if (value := getattr(point, name)) is not None]


def smoothed(points: Points) -> list[tuple[float, float]]:
    """A moving mean over a twentieth of the points, as many before as after each, so that it does not lag."""
    values, found = [value for _, value in points], []
    reach = max(1, len(points) // WINDOW)
    for place, (step, _) in enumerate(points):
        inside = min(reach, place, len(points) - 1 - place)
        part = values[place - inside : place + inside + 1]
        mean = sum(value / len(part) for value in part)  # of the greatest floats it may round past them
        found.append((step, min(max(part), max(min(part), mean))))
    return found


def thinned(points: Points) -> list[tuple[float, float]]:
    """At most a few hundred of the points, evenly taken, the last one always among them."""
    if len(points) <= MOST_POINTS:
        return list(points)
    places = sorted({round(place * (len(points) - 1) / (MOST_POINTS - 1)) for place in range(MOST_POINTS)})
    return [points[place] for place in places]


def _plot(drawing: Drawing, points: Points, kind: str, steps: Scale, values: Scale) -> None:
    drawing.path([(steps.at(step), values.at(value)) for step, value in points], kind)


def _label_room(low: float, high: float, strips: Sequence[Strip]) -> float:
    labels = [*tick_labels(ticks(low, high, 5)), *(label for strip in strips for label in strip.labels)]
    return min(90.0, max(width_of(label) for label in labels)) + 10


def _legend(drawing: Drawing, y: float) -> None:
    x = EDGE
    for kind, name in (("curve-raw", "train"), ("curve-train", "train, smoothed"), ("curve-validation", "validation")):
        drawing.line(x, y - 4, x + 18, y - 4, kind)
        drawing.text(x + 23, y, name, room=drawing.width - x - 23, kind="tick")
        x += 23 + width_of(name) + 14


def _best(drawing: Drawing, x: float, step: int, top: float, bottom: float) -> None:
    drawing.line(x, top, x, bottom, "reference")
    label = f"kept: step {step:,}"
    half = width_of(label) / 2
    drawing.text(
        min(max(x, half + 2), drawing.width - half - 2), top - 7, label, room=drawing.width, kind="tick",
        anchor="middle",
    )  # fmt: skip


def _grid(drawing: Drawing, values: Scale, steps: Scale) -> None:
    found = ticks(values.low, values.high, 5)
    for value, label in zip(found, tick_labels(found), strict=True):
        y = values.at(value)
        drawing.line(steps.start, y, steps.end, y, "grid")
        drawing.text(steps.start - 6, y + 4, label, room=steps.start - 6, kind="tick", anchor="end")
    drawing.line(steps.start, values.start, steps.end, values.start, "axis")


def _strip(drawing: Drawing, strip: Strip, steps: Scale, top: float, bottom: float) -> None:
    lowest, highest = strip.ticks
    values = Scale(lowest, highest or 1.0, bottom, top + 12)
    drawing.text(steps.end, top + 6, strip.name, room=steps.end - steps.start, kind="axis-name", anchor="end")
    for value, label in zip(strip.ticks, strip.labels, strict=True):
        drawing.text(steps.start - 6, values.at(value) + 4, label, room=steps.start - 6, kind="tick", anchor="end")
    if strip.is_noisy:
        _plot(drawing, thinned(strip.points), "curve-raw", steps, values)
    _plot(drawing, thinned(smoothed(strip.points) if strip.is_noisy else strip.points), strip.kind, steps, values)
    drawing.line(steps.start, bottom, steps.end, bottom, "axis")


def _steps_axis(drawing: Drawing, steps: Scale, bottom: float) -> None:
    found = [value for value in ticks(steps.low, steps.high, max(2, int(drawing.width / 110))) if value >= 0]
    for value, label in zip(found, tick_labels(found), strict=True):
        x = steps.at(value)
        drawing.line(x, bottom, x, bottom + 4, "axis")
        if width_of(label) / 2 <= min(x, drawing.width - x):
            drawing.text(x, bottom + 16, label, room=drawing.width, kind="tick", anchor="middle")
    middle = (steps.start + steps.end) / 2
    drawing.text(middle, bottom + 34, "optimizer steps", room=200, kind="axis-name", anchor="middle")
