"""Markdown as blocks: what may stand in one passage, what may not be torn, and what a torn part needs to be read.

Told apart are headings (`#` and underlined), fenced code, tables, list items and numbered clauses, and paragraphs.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(\S.*?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})\s*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_DELIMITER = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_MARK = re.compile(
    r"^(?P<indent>\s*)(?P<mark>[-*+]|\(?(?:\d+(?:\.\d+)*|[a-z]|[ivx]+)[.)]|\d+(?:\.\d+)+|"
    r"(?:§+|Art(?:icle|\.)|Section|Clause)\s*\d+(?:\.\d+)*[.:]?)\s+\S",
    re.IGNORECASE,
)
_BULLETS = frozenset("-*+")
_LONGEST_LEAD = 120
LEFT_OUT = " [...]"


class Line(NamedTuple):
    """One line of a document and its number, from 1."""

    number: int
    text: str


class Block(NamedTuple):
    """Lines that belong together, and what a reader must be shown above any of them."""

    lines: tuple[Line, ...]
    lead: tuple[str, ...] = ()
    """The head of a table, the sentence that opens a list, the clause that a part belongs to."""
    is_row: bool = False
    """A row of a table or a line of code: lines stay as they are."""

    @property
    def text(self) -> str:
        """The block without spaces at its lines' ends."""
        return "\n".join(line.text.rstrip() for line in self.lines).strip("\n")


class Section(NamedTuple):
    """What stands between two headings, under a title that names all headings above it."""

    title: str
    blocks: tuple[Block, ...]


def sections(name: str, text: str) -> Iterator[Section]:
    """The document's sections in their order; one without a heading is titled by its front matter or its file."""
    lines: Sequence[Line] = [Line(number, line) for number, line in enumerate(text.splitlines(), 1)]
    top, opening, lines = _front_matter(lines)
    fallback = top or PurePosixPath(name).stem.replace("_", " ").replace("-", " ")
    heading, trail, held = "", dict[int, str](), list(opening)
    for level, title, body in _under_headings(lines):
        if level:
            heading = heading or title
            trail = {depth: one for depth, one in trail.items() if depth < level} | {level: title}
        blocks = (*held, *_blocks(body))
        if blocks:
            yield Section(_title(heading or fallback, trail), blocks)
            held = []
    if held:
        yield Section(fallback, tuple(held))


def _front_matter(lines: Sequence[Line]) -> tuple[str, list[Block], Sequence[Line]]:
    """The title that a YAML front matter gives, its description as a block, and the lines below it."""
    ends = [place for place, line in enumerate(lines[1:60], 1) if line.text.rstrip() == "---"]
    if not lines or lines[0].text.rstrip() != "---" or not ends:
        return "", [], lines
    head = lines[1 : ends[0]]
    if not all(re.match(r"^(\s|#|$|[\w.-]+:)", line.text) for line in head):
        return "", [], lines
    title = next((_plain(line.text[6:]) for line in head if line.text.startswith("title:")), "")
    told = [Line(line.number, _plain(line.text[12:])) for line in head if line.text.startswith("description:")]
    return title, [Block((line,)) for line in told if line.text], lines[ends[0] + 1 :]


def _plain(value: str) -> str:
    return value.strip().strip("'\"")


def _title(top: str, trail: dict[int, str]) -> str:
    return " - ".join([top, *(text for _, text in sorted(trail.items()) if text != top)])


def _under_headings(lines: Sequence[Line]) -> Iterator[tuple[int, str, list[Line]]]:
    """Level, title and lines of each heading; level 0 for what stands above the first."""
    level, title, body, fence = 0, "", list[Line](), ""
    for place, line in enumerate(lines):
        fence = _fence_after(fence, line.text)
        found = None if fence else _heading(lines, place)
        if found is None:
            body.append(line)
        elif found[0]:
            yield level, title, body
            level, title, body = *found, []
    yield level, title, body


def _heading(lines: Sequence[Line], place: int) -> tuple[int, str] | None:
    """Level and text of a heading; level 0 for the line that underlines one; None for any other line."""
    line = lines[place].text
    if found := _HEADING.match(line):
        return len(found[1]), found[2]
    if place + 1 < len(lines) and _is_underlined(lines, place):
        return 1 if "=" in lines[place + 1].text else 2, line.strip()
    return (0, "") if place and _is_underlined(lines, place - 1) else None


def _is_underlined(lines: Sequence[Line], place: int) -> bool:
    """Whether the line is a paragraph of one line with a rule right below it."""
    line, below = lines[place].text, lines[place + 1].text
    is_alone = place == 0 or not lines[place - 1].text.strip()
    stands = bool(line.strip()) and "|" not in line and not _MARK.match(line) and not _HEADING.match(line)
    return is_alone and stands and not _UNDERLINE.match(line) and bool(_UNDERLINE.match(below))


def _fence_after(fence: str, line: str) -> str:
    """The fence that is open after this line, its closing line included; empty outside of code."""
    found = _FENCE.match(line)
    if not fence:
        return found[1] if found else ""
    is_closing = found is not None and found[1].startswith(fence) and not line.strip().strip(fence[0])
    return "" if is_closing else fence


def _blocks(lines: Sequence[Line]) -> list[Block]:
    """The lines in blocks; a sentence that ends in a colon opens the list below it."""
    found, opener = list[Block](), ""
    for group in _groups(lines):
        is_list = bool(_MARK.match(group[0].text))
        found += _of_group(group, opener if is_list else "")
        last = group[-1].text.strip()
        if last.endswith(":"):
            opener = shortened(last)
        elif not is_list:
            opener = ""
    return found


def _groups(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines between empty ones, code in one group."""
    held, fence = list[Line](), ""
    for line in lines:
        was, fence = fence, _fence_after(fence, line.text)
        if not was and not fence and not line.text.strip():
            if held:
                yield held
            held = []
        elif fence and not was:
            if held:
                yield held
            held = [line]
        else:
            held.append(line)
            if was and not fence:
                yield held
                held = []
    if held:
        yield held


def _of_group(lines: Sequence[Line], opener: str) -> list[Block]:
    if _FENCE.match(lines[0].text):
        return [Block((line,), (lines[0].text,) if line is not lines[0] else (), is_row=True) for line in lines]
    rule = next((place for place, line in enumerate(lines[1:], 1) if _is_table_rule(lines, place)), None)
    if rule is not None:
        before = _of_group(lines[: rule - 1], opener) if rule > 1 else []
        return before + _table(lines[rule - 1 :])
    return _items(lines, opener)


def _is_table_rule(lines: Sequence[Line], place: int) -> bool:
    return "|" in lines[place - 1].text and "-" in lines[place].text and bool(_DELIMITER.match(lines[place].text))


def _table(lines: Sequence[Line]) -> list[Block]:
    head = (lines[0].text.strip(), lines[1].text.strip())
    rows = [Block((line,), head, is_row=True) for line in lines[2:]]
    return [Block(tuple(lines[:2]), is_row=True), *rows]


def _items(lines: Sequence[Line], opener: str) -> list[Block]:
    """Paragraphs, list items and clauses; a part of an item is led by the item's first line."""
    items: list[list[Line]] = []
    for line in lines:
        if not items or _MARK.match(line.text):
            items.append([line])
        else:
            items[-1].append(line)
    parents, blocks = list[tuple[int, str]](), list[Block]()
    for item in items:
        mark = _MARK.match(item[0].text)
        if mark is None:
            last = item[-1].text.strip()
            opener = shortened(last) if last.endswith(":") else ""
            blocks.append(Block(tuple(item)))
            continue
        indent = len(mark["indent"].expandtabs(4))
        parents = [parent for parent in parents if parent[0] < indent]
        above = [opener] if opener else []
        blocks.append(Block(tuple(item), (*above, *(text for _, text in parents))))
        parents.append((indent, shortened(item[0].text.strip())))
    return blocks


def shortened(lead: str) -> str:
    """A lead that is long, up to a word near its 120th character."""
    if len(lead) <= _LONGEST_LEAD:
        return lead
    return f"{lead[:_LONGEST_LEAD].rsplit(' ', 1)[0]}{LEFT_OUT}"


def clause_of(text: str) -> str:
    """The number or letter of the clause that a line opens; empty for bullets and other text."""
    found = _MARK.match(text)
    return "" if found is None or found["mark"] in _BULLETS else found["mark"]
