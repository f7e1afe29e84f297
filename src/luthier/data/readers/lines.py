"""Lines of a file, and pieces of it that end at line ends; neither ever holds more than a line and a chunk."""

import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from luthier.data.readers.parts import MAX_ROW_BYTES

CHUNK_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line without its end; `text` is None where the line is longer than `MAX_ROW_BYTES`."""

    number: int
    text: bytes | None


class Piece(NamedTuple):
    """Bytes `start` to `end` of a file: whole lines, the first of which is line `first_line`."""

    start: int
    end: int
    first_line: int


def lines_of(stream: BinaryIO, *, first_line: int = 1) -> Iterator[Line]:
    """Every line that is not blank, numbered; a byte-order mark at the start is no part of the first."""
    number = first_line
    tail = b""
    is_too_long = False
    chunk = stream.read(CHUNK_BYTES).removeprefix(BYTE_ORDER_MARK)
    while chunk:
        *whole, tail = (tail + chunk).split(b"\n")
        for text in whole:
            if is_too_long or len(text) > MAX_ROW_BYTES:
                yield Line(number, None)
                is_too_long = False
            elif text and not text.isspace():
                yield Line(number, text)
            number += 1
        if len(tail) > MAX_ROW_BYTES:
            is_too_long, tail = True, b""
        chunk = stream.read(CHUNK_BYTES)
    if is_too_long:
        yield Line(number, None)
    elif tail and not tail.isspace():
        yield Line(number, tail)


def pieces_of(stream: BinaryIO, *, piece_bytes: int) -> Iterator[Piece]:
    """The stream as pieces of about `piece_bytes` that end at line ends; together they are the whole of it.

    A line longer than a piece makes its piece longer. One pass over the bytes, in bounded memory.
    """
    start = position = 0
    first_line = line = 1
    while chunk := stream.read(min(CHUNK_BYTES, piece_bytes)):
        ends = position + chunk.rfind(b"\n") + 1
        line += chunk.count(b"\n")
        position += len(chunk)
        if ends - start >= piece_bytes and b"\n" in chunk:
            yield Piece(start, ends, first_line)
            start, first_line = ends, line
    if position > start:
        yield Piece(start, position, first_line)


class Window(io.RawIOBase):
    """A stretch of a stream as a stream of its own; the other stream must not be moved meanwhile."""

    def __init__(self, stream: BinaryIO, piece: Piece) -> None:
        self._stream = stream
        self._left = piece.end - piece.start
        stream.seek(piece.start)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # what it is given
        """Fill the buffer as far as the stretch goes."""
        data = self._stream.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def window(stream: BinaryIO, piece: Piece) -> BinaryIO:
    """`piece` of a seekable stream, ready for a reader whose origin has the piece's first line."""
    return io.BufferedReader(Window(stream, piece), CHUNK_BYTES)
