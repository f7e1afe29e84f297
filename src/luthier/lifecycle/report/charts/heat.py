"""A table of shares as shades: rows against columns, each cell with its figure."""

from collections.abc import Sequence
from dataclasses import dataclass

from luthier.errors import EmptySample
from luthier.lifecycle.report.charts.rows import EDGE
from luthier.lifecycle.report.charts.svg import LINE, Drawing, width_of

DARK = 0.55
CELL = 36.0


@dataclass(frozen=True)
class HeatRow:
    """One row: its name, a smaller second line, and a share in [0, 1] or None per column."""

    label: str
    detail: str
    cells: Sequence[float | None]


def heat_chart(title: str, columns: Sequence[str], rows: Sequence[HeatRow], *, width: float) -> str:
    """A shade per share, darker for more; what was not measured stays empty."""
    if not rows or not columns:
        raise EmptySample(title)
    longest = max(width_of(text) for row in rows for text in (row.label, row.detail))
    left = EDGE + min(longest, 0.34 * width) + 10
    cell = (width - EDGE - left) / len(columns)
    top = EDGE + LINE + _head_height(columns, cell)
    drawing = Drawing(width, top + CELL * len(rows) + EDGE, title)
    drawing.text(EDGE, EDGE + 10, title, room=width - 2 * EDGE, kind="title")
    _columns(drawing, columns, left, cell, top)
    for number, row in enumerate(rows):
        y = top + CELL * number
        drawing.text(EDGE, y + 15, row.label, room=left - EDGE - 8)
        drawing.text(EDGE, y + 30, row.detail, room=left - EDGE - 8, kind="tick")
        for place, share in enumerate(row.cells):
            _cell(drawing, share, left + cell * place, y, cell)
    return drawing.svg()


def _lines(name: str) -> list[str]:
    """A name in one line, or in two where a label of its run follows `@`."""
    head, mark, label = name.partition("@")
    return [head, mark + label] if label else [head]


def _fits(names: Sequence[str], cell: float) -> bool:
    return all(width_of(line) <= cell - 4 for name in names for line in _lines(name))


def _head_height(names: Sequence[str], cell: float) -> float:
    """Room above the cells: names side by side, or one below the other where they are too long for that."""
    if not _fits(names, cell):
        return 0.85 * LINE * len(names) + 4
    return LINE * 0.85 * max(len(_lines(name)) for name in names) + 6


def _columns(drawing: Drawing, names: Sequence[str], left: float, cell: float, top: float) -> None:
    """Names above their cells, or one below the other with a line each down to its cells."""
    fits = _fits(names, cell)
    for place, name in enumerate(names):
        x = left + cell * (place + 0.5)
        if fits:
            for level, line in enumerate(reversed(_lines(name))):
                drawing.text(x, top - 7 - 0.85 * LINE * level, line, room=cell - 4, anchor="middle")
            continue
        level_of_name = EDGE + LINE + 0.85 * LINE * (place + 1) - 2
        drawing.line(x, level_of_name + 3, x, top - 2, "grid")
        drawing.text(x + 4, level_of_name, name, room=x, anchor="end")


def _cell(drawing: Drawing, share: float | None, x: float, y: float, cell: float) -> None:
    if share is None:
        drawing.text(x + cell / 2, y + 22, "-", room=cell, kind="tick", anchor="middle")
        return
    depth = min(1.0, max(0.0, share))
    drawing.box(x + 1, y + 1, cell - 2, CELL - 2, "cell", opacity=depth)
    kind = "figure-on-dark" if depth > DARK else "figure"
    drawing.text(x + cell / 2, y + 22, f"{share:.2f}", room=cell, kind=kind, anchor="middle")
