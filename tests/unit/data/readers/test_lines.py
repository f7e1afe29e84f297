"""Lines and pieces: whatever the cut, the same rows come out."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from luthier.data.readers.catalogue import readers
from luthier.data.readers.lines import lines_of, pieces_of, window
from luthier.data.readers.parts import MAX_ROW_BYTES, Fault, Origin

TEXTS = st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b" ")), max_size=30)


@given(TEXTS, st.integers(1, 60), st.booleans())
def test_pieces_end_at_line_ends_and_are_the_whole_file(texts: list[bytes], piece_bytes: int, ends: bool) -> None:
    content = b"\n".join(texts) + (b"\n" if ends else b"")
    pieces = list(pieces_of(io.BytesIO(content), piece_bytes=piece_bytes))
    assert b"".join(content[piece.start : piece.end] for piece in pieces) == content
    for piece in pieces:
        assert piece.start == 0 or content[piece.start - 1 : piece.start] == b"\n"
        assert piece.first_line == content[: piece.start].count(b"\n") + 1


@given(TEXTS, st.integers(1, 60))
def test_lines_of_pieces_are_the_lines_of_the_file(texts: list[bytes], piece_bytes: int) -> None:
    stream = io.BytesIO(b"x\n" + b"\n".join(texts))
    whole = list(lines_of(io.BytesIO(stream.getvalue())))
    pieces = list(pieces_of(stream, piece_bytes=piece_bytes))
    apart = [line for piece in pieces for line in lines_of(window(stream, piece), first_line=piece.first_line)]
    assert apart == whole


def test_rows_read_in_pieces_are_the_rows_read_at_once() -> None:
    row = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}
    lines = [json.dumps(row | {"n": str(number)}) for number in range(50)]
    lines[20] = "{broken"
    stream = io.BytesIO("\n".join(lines).encode())
    origin = Origin(source="a.jsonl", lawful_basis="contract")

    def told(items: list[object]) -> list[object]:
        return [one for item in items for one in ([item] if isinstance(item, Fault) else item.to_pylist())]  # type: ignore[attr-defined]

    whole = told(list(readers.get("chat")(io.BytesIO(stream.getvalue()), origin)))
    pieces = list(pieces_of(stream, piece_bytes=700))
    assert len(pieces) > 3
    apart = [
        item
        for piece in pieces
        for item in readers.get("chat")(window(stream, piece), origin.at(first_line=piece.first_line))
    ]
    key = lambda one: one.line if isinstance(one, Fault) else one["line"]  # noqa: E731
    assert sorted(told(apart), key=key) == sorted(whole, key=key)
    assert len(whole) == 50


def test_a_line_that_is_too_long_is_told_and_the_next_one_is_read() -> None:
    content = b"a\n" + b"x" * (MAX_ROW_BYTES + 1) + b"\nb\n" + b"y" * (3 * MAX_ROW_BYTES)
    told = list(lines_of(io.BytesIO(content)))
    assert [(line.number, line.text) for line in told] == [(1, b"a"), (2, None), (3, b"b"), (4, None)]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert [line.text for line in lines_of(io.BytesIO(b"\xef\xbb\xbf{}"))] == [b"{}"]
