"""Sources cut into pieces at line ends, the same way whoever works on them; and the rows of each piece."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa

from luthier.data.config import DataConfig, SourceConfig
from luthier.data.plan.bodies import examples_of
from luthier.data.readers import Fault, origin_of, parts_of, pieces_of_part, read_part, read_source, recognise
from luthier.data.readers.lines import Piece as Cut
from luthier.data.readers.sources import shown
from luthier.data.readers.streams import Part, closing
from luthier.data.types import SourceFile
from luthier.domain.digests import digest_of
from luthier.domain.examples import Example
from luthier.errors import Faults, MissingInput, UserError

PIECE_BYTES = 8_000_000
_CHUNK_BYTES = 1 << 20
_HINT = "mend or remove these lines; nothing was kept"


@dataclass(frozen=True)
class Piece:
    """What one task works on: a query, a file of a source, or a part of such a file."""

    number: int
    """Its place among all pieces; rows are ordered by it."""
    source: int
    """Which of the sources it belongs to."""
    file: SourceFile
    place: str
    """The file within the source, as faults name it."""
    format: str
    """The reader's name."""
    cut: Cut | None
    """Where in the file; None for all of it."""


def pieces_of(files: Sequence[SourceFile], config: DataConfig) -> list[Piece]:
    """The pieces of all sources in order; Faults where files cannot be read or told apart, naming all of them."""
    found: list[Piece] = []
    faults: list[str] = []
    for source, file in enumerate(files):
        if file.config.query is not None:
            found.append(Piece(len(found), source, file, shown(file.config.path), "sql", None))
            continue
        for part in parts_of(file.config, folder=file.folder):
            try:
                name = _format_of(part, file.config, config)
                cuts = list(pieces_of_part(part, piece_bytes=PIECE_BYTES))
            except Faults as fault:
                faults += fault.faults
                continue
            except UserError as fault:
                faults.append(fault.message)
                continue
            for cut in cuts if len(cuts) > 1 else [None]:
                found.append(Piece(len(found), source, file, part.place, name, cut))
    if faults:
        raise Faults("the data", faults, hint=f"name the `format` of the source; {_HINT}")
    return found


def read(piece: Piece, config: DataConfig) -> Iterator[pa.RecordBatch | Fault]:
    """Every row and fault of a piece, in order."""
    section = piece.file.config
    origin = origin_of(section, config)
    if section.query is not None:
        items = read_source(section, origin, folder=piece.file.folder)
    else:
        items = read_part(_part_of(piece), piece.format, origin, piece.cut)
    return (item.content for item in items)


def read_examples(file: SourceFile, config: DataConfig) -> tuple[Example, ...]:
    """Every ideal answer of a source that is small enough to hold; Faults as `file:line: what`."""
    rows: list[Example] = []
    faults: list[str] = []
    for piece in pieces_of([file], config):
        for item in read(piece, config):
            if not isinstance(item, Fault):
                rows += [row for row in examples_of(item) if row.liked is not False]
            elif item.blocking:
                faults.append(f"{piece.place}:{item.line}: {item.what}")
    if faults:
        raise Faults("the data", faults, hint=_HINT)
    return tuple(rows)


def size_of(files: Sequence[SourceFile]) -> int:
    """Bytes of the local files among the sources, unpacked or not."""
    return sum(path.stat().st_size for file in files for path in _local_files(file))


def source_digest(section: SourceConfig, folder: Path) -> str:
    """SHA-256 of all that a source holds: the bytes of a file, the files of a folder, the rows of a query."""
    local = folder / section.path
    if section.query is None and "://" not in section.path and local.is_file():
        with local.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if section.query is not None:
        return _query_digest(section, folder)
    digests = {part.place: _part_digest(part) for part in parts_of(section, folder=folder)}
    return digest_of(digests)


def _format_of(part: Part, section: SourceConfig, config: DataConfig) -> str:
    if section.format != "auto":
        return section.format
    return recognise(part, origin_of(section, config).at(place=part.place))


def _part_of(piece: Piece) -> Part:
    parts = parts_of(piece.file.config, folder=piece.file.folder)
    found = next((part for part in parts if part.place == piece.place), None)
    if found is None:
        raise MissingInput(f"{piece.place!r} is gone", hint="it was there when the build began; start it again")
    return found


def _part_digest(part: Part) -> str:
    running = hashlib.sha256()
    with closing(part.open()) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()


def _query_digest(section: SourceConfig, folder: Path) -> str:
    """The digest of the rows as they are now: the only way to see that a database has changed."""
    running = hashlib.sha256(section.model_dump_json().encode())
    origin = origin_of(section, DataConfig(sources=(section,)))
    for item in read_source(section, origin, folder=folder):
        told = item.content.model_dump() if isinstance(item.content, Fault) else item.content.to_pylist()
        running.update(orjson.dumps(told, option=orjson.OPT_SORT_KEYS))
    return running.hexdigest()


def _local_files(file: SourceFile) -> Iterator[Path]:
    path = file.folder / file.config.path
    if "://" not in file.config.path and file.config.query is None:
        yield from (each for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file())
