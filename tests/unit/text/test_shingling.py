"""Shingle sets are those that Python makes of the same words."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.text.folding import folded
from luthier.text.near import jaccard
from luthier.text.normalise import words
from luthier.text.shingling import LONG, SHORT, Grain, Sets, shingle_bags, shingle_sets

WORDY = st.lists(
    st.sampled_from(["a", "b", "don't", "3.14", "x1y", "\u00e9t\u00e9", "--", "'", "1,", "\u4e2d"]), max_size=24
)
texts = st.lists(st.one_of(st.text(), WORDY.map(" ".join), st.none()), max_size=6)


def python_set(text: str, grain: Grain) -> set[tuple[object, ...]]:
    told = words(text)
    if not grain.fewest <= len(told) <= grain.most:
        return set()
    if grain is LONG:
        return {tuple(told[at : at + 3]) for at in range(len(told) - 2)}
    counted = {(word, told[:at].count(word)) for at, word in enumerate(told)}
    return counted | set(zip([None, *told], [*told, None], strict=True))


def jaccard_in_python(one: set[tuple[object, ...]], other: set[tuple[object, ...]]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def rows_of(sets: Sets) -> list[list[int]]:
    return [sets.hashes[a:b].tolist() for a, b in zip(sets.offsets[:-1], sets.offsets[1:], strict=True)]


@pytest.mark.parametrize("grain", [LONG, SHORT], ids=lambda grain: grain.name)
@given(column=texts)
@settings(max_examples=200, deadline=None)
def test_jaccards_are_exactly_those_of_python_sets(grain: Grain, column: list[str | None]) -> None:
    sets = shingle_sets(folded(pa.array(column, pa.string())), grain)
    expected = [python_set(text or "", grain) for text in column]
    rows = [sets.take(np.array([place])).hashes for place in range(len(column))]
    for row, want in zip(rows, expected, strict=True):
        assert sorted(set(row.tolist())) == row.tolist()
        assert len(row) == len(want)
    for one, want in zip(rows, expected, strict=True):
        assert jaccard(rows[0], one) == jaccard_in_python(expected[0], want)


@given(texts, st.integers(1, 3))
@settings(deadline=None)
def test_a_row_has_the_same_set_in_any_batch(column: list[str | None], size: int) -> None:
    plain = folded(pa.array(column, pa.string()))
    parts = [shingle_sets(plain.slice(start, size), LONG) for start in range(0, len(column), size)]
    assert rows_of(Sets.joined(parts)) == rows_of(shingle_sets(plain, LONG))


@given(texts)
@settings(deadline=None)
def test_a_bag_holds_what_the_set_holds(column: list[str | None]) -> None:
    plain = folded(pa.array(column, pa.string()))
    for grain in (LONG, SHORT):
        bags, sets = rows_of(shingle_bags(plain, grain)), rows_of(shingle_sets(plain, grain))
        assert [sorted(set(bag)) for bag in bags] == sets


def alike(one: str, other: str, grain: Grain) -> float:
    sets = shingle_sets(pa.array([one, other]), grain)
    return jaccard(sets.take(np.array([0])).hashes, sets.take(np.array([1])).hashes)


def test_one_word_changed_in_ten_is_a_short_near_duplicate() -> None:
    ten = [f"w{chr(97 + n)}" for n in range(10)]
    changed = [" ".join([*ten[:at], "new", *ten[at + 1 :]]) for at in range(10)]
    assert {alike(" ".join(ten), text, SHORT) for text in changed} == {18 / 24}
    assert SHORT.threshold <= 18 / 24


def test_two_places_exchanged_are_no_short_near_duplicate() -> None:
    assert alike("book a flight from paris to london please", "book a flight from london to paris please", SHORT) < 0.7


def test_texts_without_words_have_the_empty_set_and_one_word_has_one() -> None:
    column = pa.array(["", "?!", None, "yes"])
    assert [len(row) for row in rows_of(shingle_sets(column, SHORT))] == [0, 0, 0, 3]
    assert [len(row) for row in rows_of(shingle_sets(column, LONG))] == [0, 0, 0, 0]


def test_hashes_are_the_same_on_every_machine() -> None:
    """Worked out by hand with Python integers: FNV-1a, splitmix64, and the sum of three."""
    m64 = 2**64 - 1

    def mixed(v: int) -> int:
        v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9 & m64
        v = (v ^ (v >> 27)) * 0x94D049BB133111EB & m64
        return v ^ (v >> 31)

    def word(text: str) -> int:
        v = 0xCBF29CE484222325
        for byte in text.encode():
            v = (v ^ byte) * 0x100000001B3 & m64
        return mixed(v)

    told = [f"w{chr(97 + n)}" for n in range(12)]
    hashed = [word(one) for one in told]
    expected = sorted(
        mixed((a + b * 0x9E3779B97F4A7C15 + c * 0xC2B2AE3D27D4EB4F) & m64)
        for a, b, c in zip(hashed, hashed[1:], hashed[2:], strict=False)
    )
    assert rows_of(shingle_sets(pa.array([" ".join(told)]), LONG)) == [expected]
