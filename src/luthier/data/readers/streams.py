"""From a path or address to bytes: local files, fsspec addresses, gzip and zip, each bounded in what it unpacks to."""

import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, NoReturn, Protocol, cast

from luthier.errors import MissingInput, UserError

MAX_RATIO = 200
"""Times its size that a packed file may unpack to; text packs to a tenth, a bomb to a thousandth."""
_FREE_BYTES = 64 << 20
"""Below this size unpacked, the ratio does not matter."""
_CHUNK_BYTES = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


@dataclass(frozen=True)
class Part:
    """One file of a source: its name within ids and messages, and how to open it anew."""

    place: str
    open: Callable[[], BinaryIO]


class _Rejoined(io.RawIOBase):
    """A stream that begins with bytes that were read from it already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes, all of them where it is negative; empty at the end."""
        if not self._head:
            return self._rest.read(-1 if size is None else size)
        if size is None or size < 0:
            taken, self._head = self._head + self._rest.read(), b""
            return taken
        taken, self._head = self._head[:size], self._head[size:]
        return taken


def rejoined(head: bytes, rest: BinaryIO) -> BinaryIO:
    """A stream that begins with `head`, which was read from `rest` already; nobody can go back in it."""
    return cast("BinaryIO", _Rejoined(head, rest))  # it has of BinaryIO what reading needs


class Closeable(Protocol):
    """What must be closed in the end."""

    def close(self) -> None:
        """Close it."""
        ...


class _Bounded(io.RawIOBase):
    """What an unpacker gives, until it is out of all proportion to what went in."""

    def __init__(
        self, place: str, unpacked: BinaryIO, packed_bytes: Callable[[], int], behind: Sequence[Closeable]
    ) -> None:
        self._place = place
        self._unpacked = unpacked
        self._behind = behind
        self._packed_bytes = packed_bytes
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # what it is given
        try:
            data = self._unpacked.read(len(buffer))
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as fault:
            raise UserError(
                f"{self._place!r} cannot be unpacked", hint="it is cut short, damaged or encrypted; fetch it again"
            ) from fault
        buffer[: len(data)] = data
        self._given += len(data)
        if self._given > _FREE_BYTES and self._given > MAX_RATIO * max(self._packed_bytes(), 1):
            raise UserError(
                f"{self._place!r} unpacks to more than {MAX_RATIO} times its size",
                hint="this is how decompression bombs look; unpack it yourself if you trust it",
            )
        return len(data)

    def close(self) -> None:
        if not self.closed:
            for stream in (self._unpacked, *self._behind):
                stream.close()
        super().close()


def part_of_bytes(place: str, content: bytes) -> Part:
    """A file whose bytes are in memory."""
    return Part(place, lambda: io.BytesIO(content))


def part_of_file(place: str, path: str) -> Part:
    """A file by local path or fsspec address."""
    return Part(place, lambda: _open(path))


def unpacked(part: Part) -> Iterator[Part]:
    """The part itself, or what it unpacks to; what is packed twice stays packed and is refused by its reader.

    An archive that cannot be opened is one part, which says so to whoever opens it: other files are read all the same.
    """
    with closing(part.open()) as stream:
        head = stream.read(4)
    if head[:2] == _GZIP:
        yield Part(part.place, lambda: _gunzip(part))
    elif head == _ZIP:
        yield from _members(part)
    else:
        yield part


@contextmanager
def closing(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream, closed at the end."""
    try:
        yield stream
    finally:
        stream.close()


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """`stream` itself where one can go back in it, else a copy on disk that goes at the end."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        while chunk := stream.read(_CHUNK_BYTES):
            copy.write(chunk)
        copy.seek(0)
        yield cast("BinaryIO", copy)  # typeshed names a wrapper that has the same methods


def _open(path: str) -> BinaryIO:
    import fsspec  # noqa: PLC0415  half a second that nobody pays who reads no file

    try:
        opened = fsspec.open(path, "rb").open()
    except FileNotFoundError:
        raise MissingInput(f"{path!r} does not exist", hint="check `path` under `data.sources`") from None
    except (OSError, ValueError, ImportError) as fault:
        raise MissingInput(f"{path!r} cannot be opened", hint=f"{type(fault).__name__} while opening it") from fault
    return cast("BinaryIO", opened)  # fsspec is untyped


def _gunzip(part: Part) -> BinaryIO:
    packed = part.open()
    unzipped = cast("BinaryIO", gzip.GzipFile(fileobj=packed))
    return io.BufferedReader(_Bounded(part.place, unzipped, packed.tell, (packed,)), _CHUNK_BYTES)


def _members(part: Part) -> Iterator[Part]:
    try:
        with closing(part.open()) as stream, _archive(part, stream) as archive:
            names = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    except UserError as fault:
        yield Part(part.place, partial(_refuse, fault))
        return
    for name in names:
        if "__MACOSX" not in name and not PurePosixPath(name).name.startswith("."):
            yield Part(f"{part.place}/{name}", partial(_member, part, name))


def _refuse(fault: UserError) -> NoReturn:
    raise fault


def _archive(part: Part, stream: BinaryIO) -> zipfile.ZipFile:
    if not stream.seekable():
        raise UserError(
            f"{part.place!r} is a zip archive behind an address that cannot seek", hint="copy it here first"
        )
    try:
        return zipfile.ZipFile(stream)
    except zipfile.BadZipFile:
        raise UserError(f"{part.place!r} begins as a zip archive and is none", hint="fetch it again") from None


def _member(part: Part, name: str) -> BinaryIO:
    stream = part.open()
    archive = _archive(part, stream)
    size = archive.getinfo(name).compress_size
    place = f"{part.place}/{name}"
    try:
        inner = cast("BinaryIO", archive.open(name))
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile):
        raise UserError(f"{place!r} cannot be unpacked", hint="it is damaged or encrypted") from None
    return io.BufferedReader(_Bounded(place, inner, lambda: size, (archive, stream)), _CHUNK_BYTES)
