"""Pairs: verified, complete as stated, the same in any order and with crowds of alike rows."""

from itertools import combinations
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.text.clusters import heads
from luthier.text.near import Pairs, all_pairs, crowded, jaccard, links
from luthier.text.shingling import LONG, SHORT, Sets, shingle_sets
from luthier.text.signatures import Bands, Keys, near_keys

THRESHOLD = 0.5
tiny = st.lists(st.sets(st.integers(0, 9), max_size=6), max_size=10)
"""Sets so small that every pair can be compared in Python."""


def as_sets(rows: list[set[int]]) -> Sets:
    offsets = np.cumsum([0, *map(len, rows)])
    return Sets(offsets, np.array([n for row in rows for n in sorted(row)], dtype=np.uint64))


def one_key(rows: list[set[int]]) -> Keys:
    """Keys under which all rows that are not empty are candidates of each other, in both of two bands."""
    return np.array([[7 if row else 0, 9 if row else 0] for row in rows], dtype=np.uint64).reshape(-1, 2)


def true_pairs(rows: list[set[int]]) -> dict[tuple[int, int], float]:
    alike = {
        (a, b): len(rows[a] & rows[b]) / max(1, len(rows[a] | rows[b])) for a, b in combinations(range(len(rows)), 2)
    }
    return {pair: j for pair, j in alike.items() if j >= THRESHOLD}


def as_dict(pairs: Pairs) -> dict[tuple[int, int], float]:
    found = dict(zip(zip(pairs.one.tolist(), pairs.other.tolist(), strict=True), pairs.jaccard.tolist(), strict=True))
    assert list(found) == sorted(found)
    assert len(found) == len(pairs)
    return found


@given(tiny)
@settings(max_examples=300, deadline=None)
def test_all_candidates_that_reach_the_threshold_are_named_with_the_jaccard_of_python_sets(
    rows: list[set[int]],
) -> None:
    assert as_dict(all_pairs(one_key(rows), as_sets(rows), THRESHOLD)) == true_pairs(rows)


@given(tiny, st.lists(st.booleans(), min_size=10, max_size=10))
@settings(max_examples=300, deadline=None)
def test_with_sides_all_pairs_across_are_named_and_no_others(rows: list[set[int]], drawn: list[bool]) -> None:
    side = np.array(drawn[: len(rows)], dtype=np.bool_)
    across = {pair: j for pair, j in true_pairs(rows).items() if side[pair[0]] != side[pair[1]]}
    assert as_dict(all_pairs(one_key(rows), as_sets(rows), THRESHOLD, side)) == across


@given(tiny)
@settings(max_examples=500, deadline=None)
def test_links_are_true_pairs_and_make_the_clusters_that_all_pairs_make(rows: list[set[int]]) -> None:
    linked, every = links(one_key(rows), as_sets(rows), THRESHOLD), true_pairs(rows)
    assert as_dict(linked).items() <= every.items()
    ends = np.array(list(every), dtype=np.int64).reshape(-1, 2)
    expected = heads(len(rows), ends[:, 0].copy(), ends[:, 1].copy())
    assert heads(len(rows), linked.one, linked.other).tolist() == expected.tolist()
    assert linked.cut_short == 0


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), max_size=12))
@settings(deadline=None)
def test_crowded_rows_are_those_that_share_a_key(keys: list[list[int]]) -> None:
    found = np.array(keys, dtype=np.uint64).reshape(-1, 3)
    expected = [
        row for row, own in enumerate(keys)
        if any(own[b] and own[b] == other[b] for at, other in enumerate(keys) if at != row for b in range(3))
    ]  # fmt: skip
    assert crowded(found.T).tolist() == expected
    assert crowded(iter([])).tolist() == []


def edited(rng: Random, words: list[str]) -> list[str]:
    at = rng.randrange(len(words))
    return [*words[:at], "changed", *words[at + 1 :]]


def test_permuting_rows_permutes_the_clusters() -> None:
    rng = Random(8)
    texts = [[f"w{rng.randrange(500)}" for _ in range(60)] for _ in range(60)]
    texts += [edited(rng, rng.choice(texts)) for _ in range(120)]
    order = list(range(len(texts)))
    rng.shuffle(order)

    def clusters(rows: list[list[str]]) -> list[int]:
        plain = pa.array([" ".join(row) for row in rows])
        bands = Bands.for_threshold(LONG.threshold)
        found = links(near_keys(plain, LONG, bands), shingle_sets(plain, LONG), LONG.threshold)
        return heads(len(rows), found.one, found.other).tolist()

    before, after = clusters(texts), clusters([texts[row] for row in order])
    groups = {frozenset(row for row in range(180) if before[row] == head) for head in set(before)}
    assert groups == {frozenset(order[at] for at in range(180) if after[at] == head) for head in set(after)}
    assert len(groups) < 100


def test_ten_rows_of_ten_words_with_one_changed_are_all_found() -> None:
    ten = [f"w{chr(97 + n)}" for n in range(10)]
    texts = pa.array([" ".join(ten), *(" ".join([*ten[:at], "new", *ten[at + 1 :]]) for at in range(10))])
    keys = near_keys(texts, SHORT, Bands.for_threshold(SHORT.threshold))
    found = as_dict(all_pairs(keys, shingle_sets(texts, SHORT), SHORT.threshold))
    assert {pair for pair in found if pair[0] == 0} == {(0, at) for at in range(1, 11)}


def test_a_crowd_of_alike_rows_is_linked_without_all_its_pairs() -> None:
    rows = [{*range(100), 1_000 + n} for n in range(3_000)]
    found = links(one_key(rows), as_sets(rows), 0.85)
    assert len(found) == 2_999
    assert (heads(3_000, found.one, found.other) == 0).all()
    assert found.cut_short == 0


def test_a_crowd_of_unlike_rows_is_cut_short_and_this_is_told() -> None:
    rows = [{n} for n in range(5_100)]
    found = links(one_key(rows), as_sets(rows), 0.85)
    assert len(found) == 0
    assert found.cut_short > 0


def test_keys_and_sets_of_different_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="2 rows and sets of 1"):
        links(one_key([{1}, {2}]), as_sets([{1}]), 0.5)
    with pytest.raises(ValueError, match="1 sides for 2 rows"):
        all_pairs(one_key([{1}, {2}]), as_sets([{1}, {2}]), 0.5, np.array([True]))


def test_two_empty_sets_share_nothing() -> None:
    empty = np.empty(0, dtype=np.uint64)
    assert jaccard(empty, empty) == 0.0
