"""The report as Markdown: the same sections, tables and captions; charts are named, and drawn in the HTML."""

from collections.abc import Iterator, Mapping, Sequence

from luthier.lifecycle.report.blocks import Block, Bullets, Cell, Chart, Contrast, Section, Table, Text
from luthier.lifecycle.report.facts import Facts
from luthier.lifecycle.report.figures import Figure, Name
from luthier.lifecycle.report.headline import headline
from luthier.lifecycle.report.words import moment

_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\|`*_[]#"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def markdown(facts: Facts, sections: Sequence[Section], figures: Mapping[Name, Figure]) -> str:
    """The whole report of a project."""
    title = f"{facts.project}: report"
    return markdown_of(
        title,
        sections,
        {str(name): each for name, each in figures.items()},
        when=moment(facts.at),
        headline=headline(facts),
    )


def markdown_of(
    title: str, sections: Sequence[Section], figures: Mapping[str, Figure], *, when: str, headline: str
) -> str:
    """Sections as Markdown; text of the project is escaped and can carry no markup."""
    parts = [f"# {plain(title)}", when, f"**{plain(headline)}**"]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += [text for block in section.blocks for text in _block(block, figures)]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """The text on one line, so that it shows as it reads."""
    return " ".join(text.split()).translate(_MARKUP)


def _block(block: Block, figures: Mapping[str, Figure]) -> Iterator[str]:
    match block:
        case Text():
            yield plain(block.text)
        case Bullets():
            yield "\n".join(f"- {plain(item)}" for item in block.items)
        case Table():
            yield f"{plain(block.caption)}:"
            yield _table(block)
        case Contrast():
            yield f"{plain(block.caption)}:"
            yield _table(_contrast(block))
        case Chart():
            if block.name in figures:
                figure = figures[block.name]
                yield f"*Figure in the HTML report: {plain(figure.title)}. {plain(figure.caption)}*"


def _contrast(block: Contrast) -> Table:
    rows = [
        [Cell(each.asked), Cell(each.ideal), Cell("".join(piece.text for piece in each.left)),
         Cell("".join(piece.text for piece in each.right))]
        for each in block.rows
    ]  # fmt: skip
    return Table(block.caption, ("asked", "ideal", block.left, block.right), rows)


def _table(table: Table) -> str:
    rows = [[plain(name) for name in table.head], ["---"] * len(table.head)]
    rows += [[_cell(cell) for cell in cells] for cells in table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _cell(cell: Cell) -> str:
    return plain(f"{cell.text} ({cell.detail})" if cell.detail else cell.text)
