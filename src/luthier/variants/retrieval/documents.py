"""A folder of documents, and the passages that they are cut into."""

import os
from pathlib import Path

from pydantic import Field

from luthier.domain.value import Value
from luthier.errors import MissingInput, UserError
from luthier.variants.paths import inside

SUFFIXES = frozenset({".md", ".txt"})
MAX_FILE_BYTES = 4_000_000
MAX_FILES = 100_000


class Passage(Value):
    """A stretch of one document, under a title that says where it stands."""

    id: str
    title: str
    text: str
    lines: tuple[int, int] | None = Field(default=None, description="First and last line in the document, from 1.")

    @property
    def document(self) -> str:
        """The path of the document below its folder."""
        return self.id.rpartition("#")[0] or self.id

    @property
    def place(self) -> str:
        """Where a person finds it: document, lines, headings."""
        lines = "" if self.lines is None else f", lines {self.lines[0]}-{self.lines[1]}"
        return f"{self.document}{lines}{f': {self.title}' if self.title else ''}"


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
