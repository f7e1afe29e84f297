"""Records of JSON files: one object a line, an array of objects, or an object that holds such an array."""

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

import orjson

from luthier.data.readers.lines import BYTE_ORDER_MARK, CHUNK_BYTES, lines_of
from luthier.data.readers.parts import MAX_ROW_BYTES, Fault, Malformed, Object, Record, Records
from luthier.data.readers.streams import rejoined
from luthier.domain.value import Json

MAX_DEPTH = 64
"""Objects and lists in one another; deeper ones mean nothing to anybody."""

LISTS = ("tickets", "conversations", "data", "rows", "records", "examples", "samples", "results", "datapoints")
"""Keys under which exports put their list of records."""

_WRAPPER_BYTES = 1 << 16
_WRAPPER = re.compile(
    rb'^\s*\{(?:[^\[\]{}]|\{[^\[\]{}]*\})*?"(?:%s)"\s*:\s*\[' % b"|".join(key.encode() for key in LISTS)
)
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]|"', re.DOTALL)
_CONSTANT = re.compile(rb"[:,\[\s]-?(?:NaN|Infinity)\b")


def json_records(stream: BinaryIO, *, first_line: int = 1) -> Records:
    """Every record of a JSON file, whichever of the three shapes it has."""
    head = stream.read(CHUNK_BYTES)
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    rest = rejoined(head, stream)
    if text[:1] == b"[":
        return _of_array(rest, skip=len(head) - len(text) + 1)
    first, *following = text.split(b"\n", 1)
    is_whole = bool(following) or len(head) < CHUNK_BYTES
    goes_on = first.rstrip()[-1:] in {b"{", b"[", b",", b":"} or not is_whole
    if text[:1] != b"{" or first_line > 1 or not goes_on:
        return _of_lines(rest, first_line)
    if (wrapped := _WRAPPER.match(text[:_WRAPPER_BYTES])) is not None:
        return _of_array(rest, skip=len(head) - len(text) + wrapped.end())
    return _of_one_object(rest) if is_whole else _of_lines(rest, first_line)


def object_of(text: bytes) -> Object:
    """The object that `text` is; Malformed for anything else, repeated keys and bottomless nesting included."""
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise Malformed(_why_no_json(text, fault)) from None
    if not isinstance(row, dict):
        raise Malformed(f"a JSON {type(row).__name__} where an object belongs")
    keys = _count_keys(row)
    # Inside a string a quote is escaped, so an unescaped one before a colon ends a key; the exact look is slow.
    if text.count(b'":') - text.count(b'\\":') != keys:
        _refuse_repeated_keys(text)
    return row


def json_text(value: Json) -> str:
    """Canonical JSON text: sorted keys, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _of_lines(stream: BinaryIO, first_line: int) -> Records:
    for number, text in lines_of(stream, first_line=first_line):
        if text is None:
            yield Fault(line=number, what=f"longer than {MAX_ROW_BYTES:,} bytes")
            continue
        try:
            row = object_of(text)
        except Malformed as why:
            yield Fault(line=number, what=str(why))
        else:
            if row.keys().isdisjoint(LISTS):
                yield Record(number, row, len(text))
            else:
                yield from unwrapped(Record(number, row, len(text)))


def unwrapped(record: Record) -> Iterator[Record | Fault]:
    """The record, or the records of the list that is all it holds besides figures about the list."""
    for key in LISTS:
        inner = record.row.get(key)
        if isinstance(inner, list) and inner and all(isinstance(item, dict) and len(item) > 2 for item in inner):
            share = record.size // len(inner)
            rows = (row for row in inner if isinstance(row, dict))
            return (Record(place, row, share) for place, row in enumerate(rows, start=1))
    return iter((record,))


def _of_array(stream: BinaryIO, *, skip: int) -> Records:
    stream.read(skip)
    for place, text in enumerate(_items_of(stream), start=1):
        if text is None:
            yield Fault(
                line=place, what=f"the list breaks off here, or an object is longer than {MAX_ROW_BYTES:,} bytes"
            )
            return
        try:
            yield Record(place, object_of(text), len(text))
        except Malformed as why:
            yield Fault(line=place, what=str(why))


def _items_of(stream: BinaryIO) -> Iterator[bytes | None]:
    """The objects of an array whose bracket was read already; None, and no more, where that cannot go on."""
    buffer, depth, start, place = b"", 0, 0, 0
    while chunk := stream.read(CHUNK_BYTES):
        buffer += chunk
        for token in _STRUCTURE.finditer(buffer, place):
            sign = token.group()
            if sign == b'"':
                break
            place = token.end()
            if sign in b"[{":
                if depth == 0:
                    start = token.start()
                depth += 1
            elif sign in b"]}":
                depth -= 1
                if depth < 0:
                    return
                if depth == 0:
                    yield buffer[start:place]
                    start = place
        buffer, place, start = _cut(buffer, place, start, is_between=depth == 0)
        if len(buffer) > MAX_ROW_BYTES + CHUNK_BYTES:
            break
    yield None


def _cut(buffer: bytes, place: int, start: int, *, is_between: bool) -> tuple[bytes, int, int]:
    """The buffer without what was told already; what lies between two objects is no part of one."""
    done = place if is_between else start
    return buffer[done:], place - done, 0


def _of_one_object(stream: BinaryIO) -> Records:
    text = stream.read(MAX_ROW_BYTES + 1)
    if len(text) > MAX_ROW_BYTES:
        yield Fault(line=1, what=f"one JSON object of more than {MAX_ROW_BYTES:,} bytes")
        return
    try:
        row = object_of(text.removeprefix(BYTE_ORDER_MARK))
    except Malformed as why:
        yield Fault(line=1, what=str(why))
    else:
        yield from unwrapped(Record(1, row, len(text)))


def _why_no_json(text: bytes, fault: orjson.JSONDecodeError) -> str:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    if _CONSTANT.search(text):
        return "NaN and Infinity are no JSON"
    if _is_deep(text):
        return f"nested deeper than {MAX_DEPTH}"
    return f"no JSON at character {fault.colno}: {fault.msg.split(': ')[0]}"


def _is_deep(text: bytes) -> bool:
    depth = 0
    for token in _STRUCTURE.finditer(text):
        sign = token.group()
        depth += (sign in b"[{") - (sign in b"]}")
        if depth > MAX_DEPTH:
            return True
    return False


def _count_keys(row: Object) -> int:
    """Keys of the object and of all that lies in it; Malformed where it is nested too deeply."""
    count = len(row)
    level: list[Json] = [row]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Json] = []
        for value in level:
            for one in value.values() if type(value) is dict else value:  # type: ignore[union-attr]  # no scalar gets in
                if type(one) is dict:
                    count += len(one)
                    inner.append(one)
                elif type(one) is list:
                    inner.append(one)
        if not inner:
            return count
        level = inner
    raise Malformed(f"nested deeper than {MAX_DEPTH}")


def _refuse_repeated_keys(text: bytes) -> None:
    def unique(pairs: list[tuple[str, Json]]) -> None:
        if len({key for key, _ in pairs}) < len(pairs):
            raise Malformed("a key stands twice in one object")

    json.loads(text, object_pairs_hook=unique)
