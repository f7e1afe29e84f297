"""JSON files: lines, arrays, wrapped arrays and single objects give the same records."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.readers.json_records import LISTS, json_records, object_of
from luthier.data.readers.lines import CHUNK_BYTES
from luthier.data.readers.parts import Fault, Malformed, Record

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
ROWS = st.lists(st.dictionaries(st.text(max_size=6), VALUES, min_size=1, max_size=4).filter(
    lambda row: row.keys().isdisjoint(LISTS)
), min_size=1, max_size=6)  # fmt: skip


def records(content: bytes) -> list[Any]:
    return [item.row if isinstance(item, Record) else item for item in json_records(io.BytesIO(content))]


@given(ROWS, st.sampled_from([None, 2]), st.booleans())
def test_lines_arrays_and_wrapped_arrays_hold_the_same_records(
    rows: list[dict[str, Any]], indent: int | None, ascii_only: bool
) -> None:
    def dump(value: object, indent: int | None = indent) -> bytes:
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert records(b"\n".join(dump(row, None) for row in rows)) == rows
    assert records(dump(rows)) == rows
    assert records(b'{"count": 3,\n"tickets": ' + dump(rows, 2) + b', "next": null}') == rows


def test_one_indented_object_is_one_record() -> None:
    row = {"messages": [{"role": "user", "content": "hi"}], "n": {"a": [1]}}
    assert records(json.dumps(row, indent=4).encode()) == [row]


def test_an_array_longer_than_a_chunk_is_read_with_its_strings_across_the_border() -> None:
    rows = [{"text": f'{number} "quoted" [bracket] \\ ' + "x" * 3_000} for number in range(1_000)]
    content = json.dumps(rows).encode()
    assert len(content) > 2 * CHUNK_BYTES
    assert records(content) == rows


def test_an_array_that_breaks_off_is_told_at_the_record_after_the_last_whole_one() -> None:
    found = records(b'[{"a": 1}, {"a": 2}, {"a"')
    assert found[:2] == [{"a": 1}, {"a": 2}]
    assert isinstance(found[2], Fault)
    assert found[2].line == 3
    assert "breaks off" in found[2].what


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b'{"a": {"b": 1, "c": [{"d": 1, "d": 2}]}}', "a key stands twice"),
        (b'{"a" : 1, "a" : 2}', "a key stands twice"),
        (b'{"a": NaN}', "NaN and Infinity"),
        (b'{"a": [1, -Infinity]}', "NaN and Infinity"),
        (b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64"),
        (b'{"a": ' + b"[" * 100_000, "nested deeper than 64"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "NaN", }', "no JSON at character"),
        (b"[1]", "a JSON list where an object belongs"),
    ],
)
def test_what_is_no_object_is_told_in_words(text: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        object_of(text)


@given(
    st.dictionaries(st.text(max_size=8), VALUES, max_size=5),
    st.booleans(),
    st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")]),
)
def test_no_object_with_distinct_keys_is_refused(row: dict[str, Any], ascii_only: bool, signs: tuple[str, str]) -> None:
    assert object_of(json.dumps(row, ensure_ascii=ascii_only, separators=signs).encode()) == row
