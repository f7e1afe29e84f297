"""Clusters are what pairs connect, named by their lowest row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.text.clusters import heads

ROWS = 12
pairs = st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)), max_size=14)
Pairs = list[tuple[int, int]]


def heads_of(found: Pairs) -> list[int]:
    columns = np.array(found, dtype=np.int64).reshape(-1, 2).T
    return heads(ROWS, columns[0].copy(), columns[1].copy()).tolist()


@given(pairs)
@settings(deadline=None)
def test_a_head_is_the_lowest_row_that_can_be_reached(found: Pairs) -> None:
    reached = [{row} for row in range(ROWS)]
    for _ in range(ROWS):
        for one, other in found:
            both = reached[one] | reached[other]
            reached[one], reached[other] = both, both
    assert heads_of(found) == [min(rows) for rows in reached]


@given(pairs, st.permutations(range(ROWS)))
@settings(deadline=None)
def test_renumbering_rows_renumbers_clusters(found: Pairs, to: list[int]) -> None:
    before = heads_of(found)
    after = heads_of([(to[one], to[other]) for one, other in reversed(found)])
    for one in range(ROWS):
        for other in range(ROWS):
            assert (before[one] == before[other]) == (after[to[one]] == after[to[other]])


def test_pairs_of_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="rows 0 to 12, and there are 12 rows"):
        heads_of([(0, 12)])
