"""What a report is made of, whatever it is written as: sections of text, tables, lists and charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from luthier.domain.measure import Measurement
from luthier.lifecycle.report.words import figure, interval, outcome

Tone = Literal["", "pass", "fail", "open"]
_TONES: dict[str, Tone] = {"pass": "pass", "fail": "fail", "not_enough_evidence": "open"}


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a smaller second line, and a verdict's tone."""

    text: str
    detail: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Text:
    """One paragraph; `is_aside` for what qualifies rather than tells."""

    text: str
    is_aside: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Rows under a head; `folded` hides long ones until they are asked for. The first column names the row."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    folded: bool = False


@dataclass(frozen=True)
class Chart:
    """The place of a chart; a chart that could not be drawn leaves no gap."""

    name: str


@dataclass(frozen=True)
class Piece:
    """Some words of an answer, and whether the answer beside it lacks them."""

    text: str
    differs: bool


@dataclass(frozen=True)
class Beside:
    """One question with its ideal and two answers to it."""

    asked: str
    ideal: str
    left: Sequence[Piece]
    right: Sequence[Piece]


@dataclass(frozen=True)
class Contrast:
    """Answers side by side, with what differs marked; folded until asked for."""

    caption: str
    left: str
    right: str
    rows: Sequence[Beside]


Block: TypeAlias = Text | Bullets | Table | Chart | Contrast


@dataclass(frozen=True)
class Section:
    """One link of the chain, or a few, as the reader sees them."""

    title: str
    blocks: Sequence[Block]


def row(*cells: str | Cell) -> list[Cell]:
    """Cells of plain text and of more than that."""
    return [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]


def measured_cell(found: Measurement | None, verdict: str | None = None) -> Cell:
    """A figure with its interval below it, toned by its verdict."""
    if found is None:
        return Cell("-")
    return Cell(figure(found.value), interval(found), _TONES.get(verdict or "", ""))


def verdict_cell(name: str | None) -> Cell:
    """A verdict in words, with its tone."""
    return Cell(outcome(name), tone=_TONES.get(name or "", ""))
