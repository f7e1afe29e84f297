"""Exact duplicates: equal digests where nothing but case, spacing and width differs."""

import pyarrow as pa
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.rows import MESSAGE
from luthier.text.digesting import conversation_digests, digests, first_of_equal
from luthier.text.normalise import fold

CONTENTS = st.text(alphabet="aA b\t\u00a0\u00e9\x01", max_size=5)
TURN = st.tuples(st.sampled_from(["user", "assistant", "system"]), CONTENTS)
conversations = st.lists(st.lists(TURN, max_size=3), max_size=12)
Rows = list[list[tuple[str, str]]]


def column(rows: Rows) -> pa.Array:
    return pa.array([[{"role": r, "content": c} for r, c in row] for row in rows], pa.list_(MESSAGE))


def firsts_in_python(rows: Rows) -> list[int]:
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    return [seen.setdefault(tuple((r, fold(c)) for r, c in row), place) for place, row in enumerate(rows)]


@given(conversations)
@settings(max_examples=300, deadline=None)
def test_a_row_is_told_from_others_by_roles_and_folded_contents_and_nothing_else(rows: Rows) -> None:
    if any("\x01" in c for row in rows for _, c in row):
        rows = [[(r, c.replace("\x01", "x")) for r, c in row] for row in rows]
    assert first_of_equal(conversation_digests(column(rows))).tolist() == firsts_in_python(rows)


@given(conversations, st.integers(1, 5))
@settings(deadline=None)
def test_digests_do_not_depend_on_the_batch(rows: Rows, size: int) -> None:
    whole = conversation_digests(column(rows))
    for start in range(0, len(rows), size):
        batch = column(rows).slice(start, size)
        assert (conversation_digests(batch) == whole[start : start + size]).all()


def test_where_a_message_ends_matters() -> None:
    found = conversation_digests(column([
        [("user", "a b"), ("assistant", "c")], [("user", "a"), ("assistant", "b c")], [("user", "a b assistant c")],
    ]))  # fmt: skip
    assert first_of_equal(found).tolist() == [0, 1, 2]


def test_the_digest_is_xxh3_of_128_bits_in_the_byte_order_of_its_definition() -> None:
    found = digests(pa.array(["one", None, "Two \u00e9"]))
    assert found.tobytes() == b"".join(xxhash.xxh3_128_digest(t.encode()) for t in ("one", "", "Two \u00e9"))


def test_no_rows_have_no_first() -> None:
    assert first_of_equal(digests(pa.array([], pa.string()))).tolist() == []
