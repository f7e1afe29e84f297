"""A folder of documents, cut into passages."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from luthier.domain.value import Value
from luthier.errors import MissingInput, UserError
from luthier.variants.paths import inside

SUFFIXES = frozenset({".md", ".txt"})
MAX_FILE_BYTES = 4_000_000
MAX_FILES = 100_000
CUTTING_VERSION = 1
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")


class Passage(Value):
    """A stretch of one document, under a title that says where it stands."""

    id: str
    title: str
    text: str


class Document(Value):
    """One file of a knowledge base; `id` is its path below the folder."""

    id: str
    text: str


def read_documents(folder: Path) -> tuple[Document, ...]:
    """Every .md and .txt file below `folder` in the order of their paths; links that lead outside are refused."""
    if not folder.is_dir():
        raise MissingInput(f"the documents folder {str(folder)!r} is not there", hint="check `documents` of the kb")
    documents = tuple(_read(folder, name) for name in _names(folder))
    if not documents:
        raise MissingInput(f"{str(folder)!r} holds no .md or .txt file", hint="add documents or change `documents`")
    return documents


def cut(document: Document, *, chunk_characters: int) -> tuple[Passage, ...]:
    """The document as passages of at most `chunk_characters`, cut at headings, then paragraphs, then words."""
    chunks: list[tuple[str, str]] = []
    for title, paragraphs in _sections(document):
        pieces = [piece for text in paragraphs for piece in _pieces(text, chunk_characters)]
        chunks += [(title, chunk) for chunk in _packed(pieces, chunk_characters)]
    return tuple(
        Passage(id=f"{document.id}#{place}", title=title, text=text) for place, (title, text) in enumerate(chunks, 1)
    )


def _names(folder: Path) -> list[str]:
    names: list[str] = []
    for where, folders, files in os.walk(folder):
        folders.sort()
        names += [(Path(where) / file).relative_to(folder).as_posix() for file in files if _is_document(file)]
        if len(names) > MAX_FILES:
            raise UserError(f"{str(folder)!r} holds more than {MAX_FILES:,} documents", hint="split the knowledge base")
    return sorted(names)


def _is_document(file: str) -> bool:
    return Path(file).suffix.lower() in SUFFIXES and not file.startswith(".")


def _read(folder: Path, name: str) -> Document:
    path = inside(folder, name)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UserError(f"{name!r} is larger than {MAX_FILE_BYTES:,} bytes", hint="split the document")
    try:
        return Document(id=name, text=path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as fault:
        raise UserError(f"{name!r} is not UTF-8 at byte {fault.start}", hint="save the document as UTF-8") from fault


def _sections(document: Document) -> Iterator[tuple[str, list[str]]]:
    """Each section's title, led by the document's own, with its paragraphs."""
    name = Path(document.id).stem.replace("_", " ").replace("-", " ")
    top, trail, paragraphs = "", dict[int, str](), list[str]()
    for block in re.split(r"\n\s*\n|\n(?=#{1,6}\s)", document.text):
        lines = block.strip().splitlines()
        if lines and (heading := _HEADING.match(lines[0])):
            if paragraphs:
                yield _title(top or name, trail), paragraphs
            paragraphs, level = [], len(heading[1])
            top = top or heading[2]
            trail = {depth: text for depth, text in trail.items() if depth < level} | {level: heading[2]}
            lines = lines[1:]
        if text := "\n".join(line.rstrip() for line in lines).strip():
            paragraphs.append(text)
    if paragraphs:
        yield _title(top or name, trail), paragraphs


def _title(top: str, trail: dict[int, str]) -> str:
    below = [text for _, text in sorted(trail.items()) if text != top]
    return " - ".join([top, *below])


def _pieces(paragraph: str, most: int) -> Iterator[str]:
    """The paragraph itself, or its words in runs that fit."""
    while len(paragraph) > most:
        edge = max(paragraph.rfind("\n", 0, most), paragraph.rfind(" ", 0, most))
        edge = edge if edge > 0 else most
        yield paragraph[:edge].strip()
        paragraph = paragraph[edge:].strip()
    if paragraph:
        yield paragraph


def _packed(pieces: list[str], most: int) -> Iterator[str]:
    """Neighbours joined while they fit."""
    held = ""
    for piece in pieces:
        joined = f"{held}\n{piece}" if held else piece
        if len(joined) > most:
            yield held
            joined = piece
        held = joined
    if held:
        yield held
