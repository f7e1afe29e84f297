"""The few shapes that charts are made of, with all text escaped and cut to the room it has."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

Anchor = Literal["start", "middle", "end"]
FONT_SIZE = 12.0
LINE = 18.0
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NARROW, _WIDE = frozenset("iljtfrI.,:;|!'()[] "), frozenset("mwMW@%")


@dataclass
class Drawing:
    """A picture under way; `width` and `height` are its viewBox."""

    width: float
    height: float
    title: str
    parts: list[str] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line of a style class."""
        place = f'x1="{_figure(x1)}" y1="{_figure(y1)}" x2="{_figure(x2)}" y2="{_figure(y2)}"'
        self.parts.append(f'<line class="{kind}" {place}/>')

    def path(self, points: list[tuple[float, float]], kind: str) -> None:
        """A line through points; nothing for less than two of them."""
        if len(points) > 1:
            steps = " ".join(f"{_figure(x)},{_figure(y)}" for x, y in points)
            self.parts.append(f'<polyline class="{kind}" points="{steps}"/>')

    def area(self, points: list[tuple[float, float]], kind: str) -> None:
        """A filled outline through points; nothing for less than three of them."""
        if len(points) > 2:
            corners = " ".join(f"{_figure(x)},{_figure(y)}" for x, y in points)
            self.parts.append(f'<polygon class="{kind}" points="{corners}"/>')

    def box(self, x: float, y: float, width: float, height: float, kind: str, *, opacity: float | None = None) -> None:
        """A filled rectangle."""
        place = f'x="{_figure(x)}" y="{_figure(y)}" width="{_figure(width)}" height="{_figure(height)}"'
        shade = "" if opacity is None else f' fill-opacity="{opacity:.2f}"'
        self.parts.append(f'<rect class="{kind}" {place}{shade}/>')

    def dot(self, x: float, y: float, radius: float, kind: str) -> None:
        """A filled or open circle."""
        self.parts.append(f'<circle class="{kind}" cx="{_figure(x)}" cy="{_figure(y)}" r="{_figure(radius)}"/>')

    def diamond(self, x: float, y: float, radius: float, kind: str) -> None:
        """A square on its corner."""
        corners = ((x - radius, y), (x, y - radius), (x + radius, y), (x, y + radius))
        points = " ".join(f"{_figure(a)},{_figure(b)}" for a, b in corners)
        self.parts.append(f'<polygon class="{kind}" points="{points}"/>')

    def text(
        self, x: float, y: float, content: str, *, room: float, kind: str = "label", anchor: Anchor = "start"
    ) -> None:
        """Text that ends within `room`; what does not fit is cut, and told in full when pointed at."""
        shown = fitted(content, room)
        full = f"<title>{escaped(content)}</title>" if shown != content else ""
        place = f'x="{_figure(x)}" y="{_figure(y)}"'
        self.parts.append(f'<text class="{kind}" text-anchor="{anchor}" {place}>{escaped(shown)}{full}</text>')

    def svg(self) -> str:
        """The finished picture."""
        size = f'viewBox="0 0 {_figure(self.width)} {_figure(self.height)}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(_readable(self.title))}>'
        )
        return f"{head}<title>{escaped(self.title)}</title>{''.join(self.parts)}</svg>"


def escaped(text: str) -> str:
    """The text as XML may hold it; characters that XML forbids are replaced by the replacement sign."""
    return escape(_readable(text), {'"': "&quot;"})


def width_of(text: str, *, size: float = FONT_SIZE) -> float:
    """How much room a text takes at most in a common sans-serif font, in the unit of `size`."""
    return sum(_advance(character) for character in text) * size


def fitted(text: str, room: float) -> str:
    """The text, or as much of its beginning as fits with an ellipsis; nothing where not even that fits."""
    if width_of(text) <= room:
        return text
    taken, used = 0, width_of("…")
    if used > room:
        return ""
    while taken < len(text) and used + width_of(text[taken]) <= room:
        used += width_of(text[taken])
        taken += 1
    return text[:taken] + "…"


def _advance(character: str) -> float:
    if character in _NARROW:
        return 0.36
    if character in _WIDE:
        return 0.95
    if unicodedata.east_asian_width(character) in {"W", "F", "A"}:
        return 1.05
    return 0.7 if character.isupper() else 0.58


def _readable(text: str) -> str:
    return _NOT_XML.sub("�", text)


def _figure(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
