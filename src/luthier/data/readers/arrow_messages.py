"""What the messages of an Arrow stream weigh, read from their heads alone: nothing is unpacked.

Arrow unpacks a whole batch before anybody can look at it. A packed buffer says first how many bytes it unpacks to, and
Arrow takes no more than that, so what a message says is the most that it can cost.
The layout is that of the Arrow columnar format, "Encapsulated message format" and `Message.fbs`.
"""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_CONTINUES = b"\xff\xff\xff\xff"
_DICTIONARY, _BATCH = 2, 3
_BUFFER = struct.Struct("<qq")
_MAX_HEAD_BYTES = 64 << 20


class Weight(NamedTuple):
    """Bytes of the buffers of one message, as they stand in the file and once they are unpacked."""

    packed: int
    unpacked: int


class Torn(ValueError):
    """The stream ends, or leads, somewhere it cannot."""


def weights(stream: BinaryIO) -> Iterator[Weight]:
    """The weight of each message from where `stream` stands, which can be sought in.

    Raises:
        Torn: A head is damaged, or speaks of more bytes than the file has.

    """
    size = _end_of(stream)
    while head := _head(stream, size):
        body = stream.tell()
        try:
            length, weight = _weigh(head, stream, body, size)
        except (struct.error, IndexError) as fault:
            raise Torn("a message has a damaged head") from fault
        yield weight
        stream.seek(body + length)


def _end_of(stream: BinaryIO) -> int:
    place = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(place)
    return size


def _head(stream: BinaryIO, size: int) -> bytes:
    """The head of the next message; empty at the end. Before Arrow 0.15 its length came without a mark."""
    mark = stream.read(4)
    if mark == _CONTINUES:
        mark = stream.read(4)
    if len(mark) < 4:
        return b""
    (length,) = struct.unpack("<i", mark)
    if not 0 <= length <= min(_MAX_HEAD_BYTES, size - stream.tell()):
        raise Torn("a message has a head longer than the file")
    return stream.read(length)


def _weigh(head: bytes, stream: BinaryIO, body: int, size: int) -> tuple[int, Weight]:
    """How long the body of a message is, and what its buffers weigh."""
    message = _Table.root(head)
    length = message.number("<q", 3)
    if not 0 <= length <= size - body:
        raise Torn("a message has a body longer than the file")
    kind, content = message.number("<B", 1), message.table(2)
    if kind == _DICTIONARY and content:
        content = content.table(1)
    if kind not in {_DICTIONARY, _BATCH} or content is None:
        return length, Weight(0, 0)
    buffers = list(content.buffers(2))
    if any(not (0 <= start <= length and 0 <= extent <= length - start) for start, extent in buffers):
        raise Torn("a buffer lies outside of its message")
    if content.table(3) is None:
        return length, Weight(length, length)
    unpacked = [_unpacked(stream, body + start, extent) for start, extent in buffers]
    return length, Weight(sum(extent for _, extent in buffers), sum(unpacked))


def _unpacked(stream: BinaryIO, start: int, extent: int) -> int:
    """What a packed buffer says it unpacks to; one that was not worth packing says -1, and no other may be negative."""
    if extent < 8:
        return extent
    stream.seek(start)
    (told,) = struct.unpack("<q", stream.read(8))
    return extent if told < 0 else int(told)


class _Table(NamedTuple):
    """A table of a FlatBuffer: fields by number, any of which may be missing."""

    data: bytes
    place: int

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, *struct.unpack_from("<I", data))

    def number(self, layout: str, field: int) -> int:
        """A number, 0 where it is missing."""
        place = self._field(field)
        return int(struct.unpack_from(layout, self.data, place)[0]) if place else 0

    def table(self, field: int) -> "_Table | None":
        """A table within."""
        place = self._field(field)
        return _Table(self.data, place + struct.unpack_from("<I", self.data, place)[0]) if place else None

    def buffers(self, field: int) -> Iterator[tuple[int, int]]:
        """Start and extent of each buffer."""
        place = self._field(field)
        if place:
            start = place + struct.unpack_from("<I", self.data, place)[0]
            (count,) = struct.unpack_from("<I", self.data, start)
            for number in range(count):
                yield _BUFFER.unpack_from(self.data, start + 4 + number * _BUFFER.size)

    def _field(self, field: int) -> int:
        """Where a field lies; 0 where it is missing."""
        (back,) = struct.unpack_from("<i", self.data, self.place)
        names = self.place - back
        if names < 0:
            raise IndexError(names)
        (size,) = struct.unpack_from("<H", self.data, names)
        if 4 + 2 * field >= size:
            return 0
        (offset,) = struct.unpack_from("<H", self.data, names + 4 + 2 * field)
        return self.place + offset if offset else 0
