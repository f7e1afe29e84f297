"""Documents as passages: whole clauses, items and rows, each under its headings and with the words that explain it."""

import re
from collections.abc import Iterator, Sequence

from luthier.variants.retrieval.blocks import LEFT_OUT, Block, clause_of, sections
from luthier.variants.retrieval.documents import Document, Passage

CUTTING_VERSION = 2
_LEAD_SHARE = 3
"""A lead is repeated while it takes less than a third of a passage."""
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*\s")


class _Draft:
    """A passage in the making."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.parts: list[str] = []
        self.lines: list[int] = []

    @property
    def text(self) -> str:
        return "\n".join(self.parts)

    def takes(self, block: Block, text: str) -> bool:
        """Whether the block was added: it fits, with its lead where that is not above it already."""
        told = self.text
        lead = [line for line in block.lead if line.removesuffix(LEFT_OUT) not in told]
        wanted = [*lead, text] if _is_shown(lead, self._most) else [text]
        size = sum(len(part) + 1 for part in (*self.parts, *wanted)) - 1
        if size > self._most:
            return False
        self.parts += wanted
        self.lines += [line.number for line in block.lines]
        return True


def cut(document: Document, *, chunk_characters: int) -> tuple[Passage, ...]:
    """The document as passages of at most `chunk_characters`, none of which reaches over a heading.

    A clause, a list item, a row of a table and a paragraph are torn only where they are too long by themselves: at
    the ends of sentences, then of lines, then of words. A passage that begins within a table, a list or a clause
    repeats the table's head, the sentence that opens the list, or the clause's first words.
    """
    found: list[Passage] = []
    for title, blocks in sections(document.id, document.text):
        for draft in _drafts(blocks, chunk_characters):
            place = len(found) + 1
            found.append(
                Passage(
                    id=f"{document.id}#{place}",
                    title=title,
                    text=draft.text,
                    lines=(min(draft.lines), max(draft.lines)),
                )
            )
    return tuple(found)


def _drafts(blocks: Sequence[Block], most: int) -> Iterator[_Draft]:
    held = _Draft(most)
    for block in blocks:
        for number, (piece, text) in enumerate(_pieces(block, most)):
            if number == 0 and held.parts and held.takes(piece, text):
                continue
            if held.parts:
                yield held
            held = _opened(piece, text, most)
    if held.parts:
        yield held


def _opened(block: Block, text: str, most: int) -> _Draft:
    """A passage that begins with this block, below its lead where both fit."""
    draft = _Draft(most)
    if _is_shown(block.lead, most) and len("\n".join([*block.lead, text])) <= most:
        draft.parts += block.lead
    draft.parts.append(text)
    draft.lines += [line.number for line in block.lines]
    return draft


def _is_shown(lead: Sequence[str], most: int) -> bool:
    return len("\n".join(lead)) * _LEAD_SHARE <= most


def _pieces(block: Block, most: int) -> Iterator[tuple[Block, str]]:
    """The block itself, or parts of it that fit, each after the first led by the clause's number."""
    text = block.text if block.is_row else block.text.strip()
    clause = clause_of(block.lines[0].text)
    torn = block._replace(lead=(*block.lead, f"{clause}{LEFT_OUT}")) if clause else block
    piece, room = block, most
    while len(text) > room:
        edge = _edge(text, room)
        if part := text[:edge].strip():
            yield piece, part
        text = text[edge:].strip()
        piece, room = torn, most - (len("\n".join(torn.lead)) + 1 if _is_shown(torn.lead, most) else 0)
    if text.strip():
        yield piece, text


def _edge(text: str, most: int) -> int:
    """Where to tear: after the last sentence in the second half, else at a line's end, else between words."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text, most // 2, most)]
    if ends:
        return ends[-1]
    edge = max(text.rfind("\n", 0, most), text.rfind(" ", 0, most))
    return edge if edge > 0 else most
