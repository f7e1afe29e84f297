"""A table of shares as shades: rows against columns, each cell with its figure."""

from collections.abc import Sequence
from dataclasses import dataclass

from luthier.errors import EmptySample
from luthier.lifecycle.report.charts.rows import EDGE, ROOMY
from luthier.lifecycle.report.charts.svg import LINE, Drawing, width_of

DARK = 0.55
CELL = 32.0


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
    top = EDGE + LINE + (_turned(columns, cell) if width < ROOMY else 1.2 * LINE)
    drawing = Drawing(width, top + CELL * len(rows) + EDGE, title)
    drawing.text(EDGE, EDGE + 10, title, room=width - 2 * EDGE, kind="title")
    _columns(drawing, columns, left, cell, top)
    for number, row in enumerate(rows):
        y = top + CELL * number
        drawing.text(EDGE, y + 14, row.label, room=left - EDGE - 8)
        drawing.text(EDGE, y + 27, row.detail, room=left - EDGE - 8, kind="tick")
        for place, share in enumerate(row.cells):
            _cell(drawing, share, left + cell * place, y, cell)
    return drawing.svg()


def _turned(columns: Sequence[str], cell: float) -> float:
    """Room above the cells: one line per column where names are too long to stand side by side."""
    fits = all(width_of(column) <= cell - 4 for column in columns)
    return LINE if fits else 0.85 * LINE * len(columns) + 4


def _columns(drawing: Drawing, names: Sequence[str], left: float, cell: float, top: float) -> None:
    """Names above their cells, or on narrow paper one below the other, each with a line down to its cells."""
    for place, name in enumerate(names):
        x = left + cell * (place + 0.5)
        if drawing.width >= ROOMY or all(width_of(each) <= cell - 4 for each in names):
            drawing.text(x, top - 7, name, room=cell - 4, anchor="middle")
            continue
        level = EDGE + LINE + 0.85 * LINE * (place + 1) - 2
        drawing.line(x, level + 3, x, top - 2, "grid")
        drawing.text(x + 4, level, name, room=x - left, anchor="end")


def _cell(drawing: Drawing, share: float | None, x: float, y: float, cell: float) -> None:
    if share is None:
        drawing.text(x + cell / 2, y + 20, "-", room=cell, kind="tick", anchor="middle")
        return
    depth = min(1.0, max(0.0, share))
    drawing.box(x + 1, y + 1, cell - 2, CELL - 2, "cell", opacity=depth)
    kind = "figure-on-dark" if depth > DARK else "figure"
    drawing.text(x + cell / 2, y + 20, f"{share:.2f}", room=cell, kind=kind, anchor="middle")
