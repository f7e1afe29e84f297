"""A source of the project file as the files it consists of, and all of their rows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa

from luthier.data.config import DataConfig, SourceConfig
from luthier.data.readers.catalogue import by_keys, reader_for, renamed
from luthier.data.readers.lines import Piece, pieces_of, window
from luthier.data.readers.mail import joined
from luthier.data.readers.parts import Fault, Origin
from luthier.data.readers.streams import Part, closing, part_of_bytes, part_of_file, unpacked
from luthier.data.readers.tables import sql_records
from luthier.errors import MissingInput, UserError

_KNOWN = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".parquet", ".arrow", ".mbox", ".eml", ".jsonl.gz", ".json.gz",
          ".csv.gz", ".zip")  # fmt: skip
_SIDE_FILES = frozenset({"dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json"})
_SPLIT = re.compile(r"^(train|test|validation|valid|dev)[-_.]")
_LINE_FORMATS = (".jsonl", ".ndjson")


class Item(NamedTuple):
    """A batch of rows or a fault, and the file within the source that it comes from."""

    place: str
    format: str
    content: pa.RecordBatch | Fault


def origin_of(section: SourceConfig, config: DataConfig) -> Origin:
    """What the readers must know of a source."""
    return Origin(
        source=shown(section.path),
        lawful_basis=section.lawful_basis,
        synthetic=section.synthetic,
        group_by=config.split.group_by,
        stratify_by=config.gold.stratify_by,
        columns={str(field): name for field, name in section.columns.items()},
        compose={str(field): text for field, text in section.compose.items()},
        ours=section.ours,
        query=section.query,
    )


def read_source(section: SourceConfig, origin: Origin, *, folder: Path = Path()) -> Iterator[Item]:
    """Every row and fault of a source, in order; local paths are relative to `folder`."""
    if section.query is not None:
        records = sql_records(_database(section.path, folder), section.query)
        yield from (Item(origin.source, "sql", content) for content in by_keys(renamed(records, origin), origin))
        return
    for part in parts_of(section, folder=folder):
        yield from read_part(part, section.format, origin)


def read_part(part: Part, name: str, origin: Origin, piece: Piece | None = None) -> Iterator[Item]:
    """Every row and fault of one file, or of a piece of it; a file without any is a fault."""
    here = origin.at(place=part.place, first_line=piece.first_line if piece else 1)
    chosen, read = reader_for(name, part, here)
    is_empty = True
    with closing(part.open()) as stream:
        for content in read(window(stream, piece) if piece else stream, here):
            is_empty = False
            yield Item(part.place, chosen, content)
    if is_empty and piece is None:
        yield Item(part.place, chosen, Fault(line=1, what="the file holds no rows"))


def pieces_of_part(part: Part, *, piece_bytes: int) -> Iterator[Piece]:
    """Pieces that can be read apart from each other, where a file has a record on each line; none where it has not."""
    with closing(part.open()) as stream:
        if part.place.endswith(_LINE_FORMATS) and stream.seekable():
            yield from pieces_of(stream, piece_bytes=piece_bytes)


def parts_of(section: SourceConfig, *, folder: Path = Path()) -> Iterator[Part]:
    """The files of a source, unpacked: itself, or those of a folder or archive; single mails as one mailbox."""
    mails: list[Part] = []
    for place, path in _files(section, folder):
        for part in unpacked(part_of_file(place, path)):
            if part.place.lower().endswith(".eml"):
                mails.append(part)
            else:
                yield part
    if mails:
        yield mails[0] if len(mails) == 1 else joined(mails, shown(section.path))


def parts_of_bytes(place: str, content: bytes) -> Iterator[Part]:
    """The files within bytes that are in memory."""
    return unpacked(part_of_bytes(place, content))


def shown(path: str) -> str:
    """The path as ids and messages may show it: without the password of an address."""
    return re.sub(r"(://[^/@:\s]*):[^/@\s]*@", r"\1:***@", path)


def _files(section: SourceConfig, folder: Path) -> Iterator[tuple[str, str]]:
    import fsspec  # noqa: PLC0415  half a second that nobody pays who reads no file

    path = section.path
    location = path if "://" in path else str(folder / path)
    try:
        system, inside = fsspec.core.url_to_fs(location)
    except (ValueError, ImportError) as fault:
        raise MissingInput(f"{shown(path)!r} cannot be opened", hint="is its protocol one of fsspec's?") from fault
    if not system.exists(inside):
        raise MissingInput(f"{shown(path)!r} does not exist", hint="check `path` under `data.sources`")
    if not system.isdir(inside):
        yield shown(path), location
        return
    names = sorted(str(name)[len(inside) :].strip("/") for name in system.find(inside))
    for name in _chosen(_without_caches(system, inside, names), section):
        yield f"{shown(path)}/{name}", f"{location.rstrip('/')}/{name}"


def _without_caches(system: Any, inside: str, names: list[str]) -> list[str]:
    """The names less those that Hugging Face's `state.json` beside them does not count among the data."""
    stated: dict[str, set[str]] = {}
    for name in names:
        folder, _, last = name.rpartition("/")
        if last == "state.json":
            with system.open(f"{inside.rstrip('/')}/{name}", "rb") as opened:
                told = json.loads(opened.read(1 << 20))
            stated[folder] = {str(file.get("filename")) for file in told.get("_data_files", [])}
    places = ((name, *name.rpartition("/")[::2]) for name in names)
    return [name for name, folder, last in places if folder not in stated or last in stated[folder]]


def _chosen(names: list[str], section: SourceConfig) -> list[str]:
    """The data files of a folder; one split of it where it holds several."""
    data = [name for name in names if name.endswith(_KNOWN) and PurePosixPath(name).name not in _SIDE_FILES]
    if not data:
        raise UserError(
            f"{section.path!r} is a folder without data files",
            hint=f"name a file, ending in one of {list(_KNOWN)}; documents to look things up in go under `retrieval`",
        )
    splits = {name: _split_of(name) for name in data}
    found = sorted({split for split in splits.values() if split})
    if section.split is None and len(found) > 1:
        raise UserError(
            f"{section.path!r} holds the splits {found}",
            hint="name one with `split`, so that no test rows are trained on",
        )
    if section.split is not None and section.split not in found:
        raise UserError(
            f"{section.path!r} has no split {section.split!r}", hint=f"it holds {found or 'no named splits'}"
        )
    return [name for name in data if section.split is None or splits[name] == section.split]


def _split_of(name: str) -> str | None:
    """`train` for `train/data-0.arrow` and `data/train-00000-of-00001.parquet`."""
    *folders, last = PurePosixPath(name).parts
    for folder in folders:
        if _SPLIT.match(f"{folder}."):
            return folder
    found = _SPLIT.match(last)
    return found[1] if found else None


def _database(url: str, folder: Path) -> str:
    """The address of the database; that of an SQLite file is relative to the project and must be there."""
    for prefix in ("sqlite:///", "sqlite+pysqlite:///"):
        if url.startswith(prefix):
            file = folder / url.removeprefix(prefix)
            if not file.is_file():
                raise MissingInput(f"{str(file)!r} does not exist", hint="check `path` under `data.sources`")
            return f"{prefix}{file.resolve()}"
    return url
