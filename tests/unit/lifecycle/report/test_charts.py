"""Charts for any input: XML that parses, every point on the paper, nothing drawn of nothing."""

import math
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.domain.runs import CurvePoint
from luthier.errors import EmptySample
from luthier.lifecycle.report.charts.curves import curves_chart, smoothed, strips_of, thinned
from luthier.lifecycle.report.charts.heat import HeatRow, heat_chart
from luthier.lifecycle.report.charts.learning import Belief, learning_chart
from luthier.lifecycle.report.charts.rows import Group, Line, Row, rows_chart
from luthier.lifecycle.report.charts.scale import Scale, spread, tick_labels, ticks
from luthier.lifecycle.report.charts.svg import escaped, fitted, width_of
from luthier.lifecycle.report.charts.timeline import Lane, Span, Verdict, timeline_chart

SVG = "{http://www.w3.org/2000/svg}"
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
finite = st.floats(allow_nan=False, allow_infinity=False)
labels = st.text(st.characters(), max_size=30)
few = settings(max_examples=25)
widths = st.sampled_from([344.0, 800.0])
tones = st.sampled_from(["baseline", "tuned", "control", "better", "worse", "unclear"])


@st.composite
def rows(draw: st.DrawFn) -> Row:
    low, value, high = sorted(draw(st.tuples(finite, finite, finite)))
    return Row(draw(labels), value, low, high, draw(labels), draw(tones))


groups = st.lists(st.builds(Group, labels, st.lists(rows(), min_size=1, max_size=4)), min_size=1, max_size=3)


def points(svg: str) -> Iterator[tuple[float, float]]:
    """Every place at which something is drawn."""
    for shape in ET.fromstring(svg).iter():
        at = {name: float(value) for name, value in shape.attrib.items() if re.fullmatch(r"-?\d+(\.\d+)?", value)}
        match shape.tag.removeprefix(SVG):
            case "line":
                yield at["x1"], at["y1"]
                yield at["x2"], at["y2"]
            case "circle":
                yield at["cx"] - at["r"], at["cy"] - at["r"]
                yield at["cx"] + at["r"], at["cy"] + at["r"]
            case "rect":
                yield at["x"], at["y"]
                yield at["x"] + at["width"], at["y"] + at["height"]
            case "text":
                yield at["x"], at["y"]
            case "polyline" | "polygon":
                for pair in shape.attrib["points"].split():
                    x, y = pair.split(",")
                    yield float(x), float(y)


def assert_on_paper(svg: str) -> None:
    _, _, width, height = (float(part) for part in ET.fromstring(svg).attrib["viewBox"].split())
    found = list(points(svg))
    assert found
    assert all(-0.6 <= x <= width + 0.6 and -0.6 <= y <= height + 0.6 for x, y in found), found


@few
@given(groups, widths, st.sampled_from(["dot", "bar"]), st.none() | st.builds(Line, finite, labels), labels)
def test_rows_of_any_figures_and_labels_stay_on_the_paper(
    drawn: list[Group], width: float, shape: str, line: Line | None, title: str
) -> None:
    assert_on_paper(rows_chart(title, drawn, axis=title, width=width, shape=shape, line=line))  # type: ignore[arg-type]


@few
@given(
    st.lists(labels, min_size=1, max_size=8),
    st.lists(st.tuples(labels, st.none() | st.floats(0, 1)), min_size=1, max_size=6), widths,
)  # fmt: skip
def test_shades_of_any_names_stay_on_the_paper(
    names: list[str], cells: list[tuple[str, float | None]], width: float
) -> None:
    table = [HeatRow(label, label, [share] * len(names)) for label, share in cells]
    assert_on_paper(heat_chart("t", names, table, width=width))


curve_points = st.builds(
    CurvePoint, step=st.integers(0, 10**9), epoch=st.just(0.0), train_loss=finite | st.none(),
    validation_loss=finite, learning_rate=st.floats(0, 1), gradient_norm=st.none() | st.floats(0, 1e300),
    tokens_per_second=st.none() | st.floats(0, 1e300),
)  # fmt: skip


@few
@given(st.lists(curve_points, min_size=1, max_size=20), st.integers(0, 10**9), widths)
def test_curves_of_any_losses_stay_on_the_paper(curve: list[CurvePoint], best: int, width: float) -> None:
    assert_on_paper(curves_chart("t", sorted(curve, key=lambda point: point.step), best, width=width))


rows_and_losses = st.tuples(st.integers(1, 10**9).map(float), finite)
beliefs = st.builds(Belief, st.floats(1, 2e9), finite, finite, finite)


@few
@given(st.lists(rows_and_losses, min_size=1, max_size=9), st.lists(beliefs, max_size=9), widths)
def test_learning_curves_of_any_losses_and_any_law_stay_on_the_paper(
    runs: list[tuple[float, float]], law: list[Belief], width: float
) -> None:
    assert_on_paper(learning_chart("t", runs, law, width=width))


def test_the_law_is_dashed_from_the_most_rows_on_and_ends_in_a_forecast() -> None:
    law = [Belief(rows, 4.0 / rows, 3.0 / rows, 5.0 / rows) for rows in (100.0, 200.0, 400.0)]
    drawn = learning_chart("t", [(100.0, 0.04), (200.0, 0.02)], law, width=800)
    paths = {
        line.attrib["class"]: line.attrib["points"].split() for line in ET.fromstring(drawn).iter(f"{SVG}polyline")
    }
    assert len(paths["law"]) == 2
    assert paths["law law-beyond"][0] == paths["law"][-1]
    assert len(paths["law law-beyond"]) == 2
    assert "forecast" in drawn
    assert ">400<" in drawn
    alone = learning_chart("t", [(100.0, 0.04), (200.0, 0.02)], [], width=800)
    assert "law" not in alone
    assert "forecast" not in alone


moments = st.timedeltas(timedelta(0), timedelta(days=900)).map(lambda gap: BEGIN + gap)


@few
@given(
    st.lists(st.tuples(labels, moments, moments, st.floats(0, 100)), min_size=1, max_size=4),
    st.lists(st.tuples(moments, moments).map(sorted), max_size=2), widths,
)  # fmt: skip
def test_a_timeline_of_any_moments_stays_on_the_paper(
    told: list[tuple[str, datetime, datetime, float]], killed: list[list[datetime]], width: float
) -> None:
    lanes = [
        Lane(label, [Span(min(a, b), max(a, b), percent)], [Verdict(max(a, b), "fail")], is_bad=True)
        for label, a, b, percent in told
    ]
    assert_on_paper(timeline_chart("t", lanes, [(begin, end) for begin, end in killed], width=width))


def test_only_what_was_measured_gets_a_strip_below_the_losses() -> None:
    plain = [CurvePoint(step=at, epoch=at, train_loss=1.0, learning_rate=1e-3) for at in range(1, 4)]
    more = [point.model_copy(update={"gradient_norm": 2.0, "tokens_per_second": 900.0}) for point in plain]
    assert [strip.name for strip in strips_of(plain)] == ["learning rate"]
    assert [strip.kind for strip in strips_of(more)] == ["curve-rate", "curve-gradient", "curve-pace"]
    assert curves_chart("t", more, 1, width=800).count("tokens per second") == 1
    assert "gradient norm" not in curves_chart("t", plain, 1, width=800)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(EmptySample):
        rows_chart("t", [], axis="a", width=800)
    with pytest.raises(EmptySample):
        heat_chart("t", [], [], width=800)
    with pytest.raises(EmptySample):
        curves_chart("t", [], 0, width=800)
    with pytest.raises(EmptySample):
        timeline_chart("t", [], [], width=800)
    with pytest.raises(EmptySample):
        learning_chart("t", [], [], width=800)


def test_a_dot_stands_where_its_value_is() -> None:
    row = Row("a", 0.25, 0.25, 0.25, "", "tuned")
    svg = ET.fromstring(rows_chart("t", [Group("", [row])], axis="share", width=800, domain=(0.0, 1.0)))
    axis = next(line for line in svg.iter(f"{SVG}line") if line.attrib["class"] == "axis")
    start, end = float(axis.attrib["x1"]), float(axis.attrib["x2"])
    dot = next(svg.iter(f"{SVG}circle"))
    assert float(dot.attrib["cx"]) == pytest.approx(start + 0.25 * (end - start), abs=0.1)


@few
@given(labels)
def test_any_label_is_escaped_and_can_be_read_back_where_xml_allows_its_characters(label: str) -> None:
    read = ET.fromstring(f"<t>{escaped(label)}</t>").text or ""
    assert (
        len(read.replace("\n", "")) == len(label.replace("\r\n", "").replace("\r", "").replace("\n", ""))
        or "\r" in label
    )


def test_markup_in_a_label_stays_text() -> None:
    svg = rows_chart("t", [Group("", [Row("<script>alert(1)</script>", 1, 1, 1, "\x00&")])], axis="a", width=800)
    assert "<script" not in svg
    assert ET.fromstring(svg) is not None


@few
@given(labels, st.floats(0, 400))
def test_fitted_text_never_takes_more_than_its_room(text: str, room: float) -> None:
    assert width_of(fitted(text, room)) <= room + 1e-9


@few
@given(finite, finite, st.integers(2, 9))
def test_ticks_lie_on_the_scale_and_rise_and_each_has_a_label(a: float, b: float, count: int) -> None:
    low, high = spread([a, b])
    assert low <= min(a, b) <= max(a, b) <= high
    found = ticks(low, high, count)
    assert 1 <= len(found) <= 2 * count + 3
    assert all(low <= value <= high for value in found)
    assert found == sorted(found)
    assert len(tick_labels(found)) == len(found)


def test_ticks_are_round() -> None:
    assert ticks(0.0, 1.0, 5) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert tick_labels([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert tick_labels([0.0, 20_000.0, 40_000.0]) == ["0", "20,000", "40,000"]


@few
@given(st.lists(finite, min_size=1, max_size=5), finite)
def test_a_scale_puts_every_value_between_its_ends(values: list[float], value: float) -> None:
    low, high = spread(values)
    assert 10 <= Scale(low, high, 10, 90).at(value) <= 90


def test_the_ends_of_what_a_float_can_hold_are_still_a_scale() -> None:
    most = sys.float_info.max
    scale = Scale(*spread([-most, most]), 0, 100)
    assert (scale.at(-most), scale.at(0.0), scale.at(most)) == pytest.approx((0, 50, 100))


def test_smoothing_keeps_a_straight_line_and_thinning_keeps_the_last_point() -> None:
    line = [(float(step), 3.0 - step / 1000) for step in range(2000)]
    assert [y for _, y in smoothed(line)] == pytest.approx([y for _, y in line])
    few = thinned(line)
    assert len(few) == 600
    assert (few[0], few[-1]) == (line[0], line[-1])
    assert all(math.isfinite(y) for _, y in few)
