"""interim"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from luthier.data.config import DataConfig
from luthier.data.ingest import _source_row
from luthier.data.plan.bodies import batch_of
from luthier.data.readers import Fault, reader_for
from luthier.data.types import SourceFile

PIECE_BYTES = 8_000_000


@dataclass(frozen=True)
class Piece:
    number: int
    source: int
    file: SourceFile
    place: str
    start: int
    end: int
    first_line: int
    format: str


def pieces_of(files: Sequence[SourceFile], *, piece_bytes: int = PIECE_BYTES) -> list[Piece]:
    found: list[Piece] = []
    for source, file in enumerate(files):
        content = file.file.read_bytes()
        name, _ = reader_for(file.config.format, file.path, content)
        start, line = 0, 1
        while start < len(content) or (not content and start == 0):
            end = len(content)
            if name != "csv":
                at = content.find(b"\n", min(start + piece_bytes, end))
                end = end if at < 0 else at + 1
            found.append(Piece(len(found), source, file, file.path, start, end, line, name))
            line += content[start:end].count(b"\n")
            start = max(end, 1)
    return found


def read(piece: Piece, config: DataConfig) -> Iterator[pa.RecordBatch | Fault]:
    content = piece.file.file.read_bytes()[piece.start : piece.end]
    _, reader = reader_for(piece.format, piece.file.path, content)
    rows = []
    seen: dict[str, str] = {}
    for item in reader(content):
        row = item if isinstance(item, Fault) else item.model_copy(update={"line": item.line + piece.first_line - 1})
        row = row if isinstance(row, Fault) else _source_row(row, piece.file, config, seen)
        if isinstance(row, Fault):
            yield row
        else:
            rows.append(row.example.model_copy(update={"collected_on": row.collected_on}))
    for start in range(0, len(rows), 8192):
        yield batch_of(rows[start : start + 8192])
