"""Clusters from pairs: rows are in one cluster where a chain of pairs leads from one to the other."""

import numpy as np
from numpy.typing import NDArray

from luthier.text.native import compiled


def heads(rows: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of `rows` rows the lowest row number of its cluster; a row in no pair names itself.

    Raises:
        ValueError: A pair names a row that does not exist.

    """
    lowest = min(one.min(initial=0), other.min(initial=0))
    highest = max(one.max(initial=-1), other.max(initial=-1))
    if lowest < 0 or highest >= rows:
        raise ValueError(f"pairs name rows {lowest} to {highest}, and there are {rows} rows")
    parents = np.arange(rows, dtype=np.int64)
    _merge_all(parents, one, other)
    return parents


@compiled
def find(parents: NDArray[np.int64], row: int) -> int:
    """The lowest row of `row`'s cluster; shortens the way to it."""
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


@compiled
def merge(parents: NDArray[np.int64], one: int, other: int) -> int:
    """Make one cluster of two; its lowest row."""
    left, right = find(parents, one), find(parents, other)
    low, high = min(left, right), max(left, right)
    parents[high] = low
    return low


@compiled
def _merge_all(parents: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
    for place in range(len(one)):
        merge(parents, one[place], other[place])
    for row in range(len(parents)):
        parents[row] = find(parents, row)
