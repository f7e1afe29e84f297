"""The report as one HTML file: no script, no request, and a policy in its head that forbids both."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from luthier.lifecycle.report.blocks import Block, Bullets, Cell, Chart, Contrast, Section, Table, Text
from luthier.lifecycle.report.facts import Facts
from luthier.lifecycle.report.figures import Figure, Name
from luthier.lifecycle.report.headline import headline, tone
from luthier.lifecycle.report.words import moment

SHORT, LONG = 24, 60
_HEX = frozenset("0123456789abcdef")
_Shown = Mapping[str, object]


@dataclass(frozen=True)
class _Part:
    title: str
    blocks: Sequence[_Shown]


def page(facts: Facts, sections: Sequence[Section], figures: Mapping[Name, Figure]) -> str:
    """The whole page of a project."""
    return page_of(
        f"{facts.project}: report",
        sections,
        {str(name): each for name, each in figures.items()},
        when=moment(facts.at),
        headline=headline(facts),
        tone=tone(facts),
    )


def page_of(
    title: str, sections: Sequence[Section], figures: Mapping[str, Figure], *, when: str, headline: str, tone: str
) -> str:
    """A page of sections; every text but our own drawings is escaped by the template engine."""
    numbers = _numbers(sections, figures)
    parts = [
        _Part(section.title, [shown for block in section.blocks for shown in _block(block, figures, numbers)])
        for section in sections
    ]
    return rendered(
        "page.html.j2", "page.css", title=title, when=when, headline=headline, tone=tone, sections=parts
    )  # fmt: skip


def rendered(template: str, stylesheet: str, **values: object) -> str:
    """A template of ours with its style inside; every value but our own drawings is escaped."""
    style = _file(stylesheet)
    environment = ImmutableSandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text: str = environment.from_string(_file(template)).render(
        **values,
        style=Markup(style),  # noqa: S704 - our own file, no text of the project in it
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )
    return text


def _numbers(sections: Sequence[Section], figures: Mapping[str, Figure]) -> dict[str, int]:
    """Figure numbers in the order of the page."""
    placed = [block.name for section in sections for block in section.blocks if isinstance(block, Chart)]
    return {name: number for number, name in enumerate((each for each in placed if each in figures), start=1)}


def _block(block: Block, figures: Mapping[str, Figure], numbers: Mapping[str, int]) -> list[_Shown]:
    match block:
        case Text():
            return [{"kind": "text", "text": block.text, "is_aside": block.is_aside}]
        case Bullets():
            return [{"kind": "bullets", "items_told": list(block.items)}]
        case Table():
            rows = [[_cell(cell) for cell in cells] for cells in block.rows]
            return [
                {"kind": "table", "caption": block.caption, "head": block.head, "rows": rows, "folded": block.folded}
            ]
        case Chart() if block.name in figures:
            found = figures[block.name]
            wide, narrow = Markup(found.wide), Markup(found.narrow)  # noqa: S704 - drawn here, with text escaped
            shown = {"wide": wide, "narrow": narrow, "caption": found.caption, "number": numbers[block.name]}
            return [{"kind": "figure", **shown}]
        case Chart():
            return []
        case Contrast():
            return [{"kind": "contrast", "caption": block.caption, "left": block.left, "right": block.right,
                     "pairs": block.rows}]  # fmt: skip


def _cell(cell: Cell) -> Mapping[str, str]:
    is_hash = len(cell.text) == 64 and set(cell.text) <= _HEX
    size = "hash" if is_hash else "long" if len(cell.text) > LONG else "short" if len(cell.text) <= SHORT else ""
    style = f"{cell.tone} {size}".strip()
    return {"text": cell.text, "detail": cell.detail, "style": style}


def _file(name: str) -> str:
    return (files("luthier.lifecycle.report") / name).read_text(encoding="utf-8")
