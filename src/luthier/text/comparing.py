"""The kernels of near duplicates: what `near` runs over the rows of one band at a time."""

import numpy as np
from numpy.typing import NDArray

from luthier.text.clusters import find, merge
from luthier.text.native import compiled
from luthier.text.signatures import Keys

Rows = NDArray[np.int64]
Found = tuple[Rows, Rows, NDArray[np.float64]]
"""Lower row, higher row, Jaccard; pairs in no order."""

MOST_STRANGERS = 5_000
"""Rows found unlike a row under one key before the rest under that key are left out for it."""


@compiled
def share_a_slot(column: NDArray[np.uint64], seen: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """For each row whether its key's slot is another row's, too; the empty set's key has none."""
    mask = np.uint64(len(seen) - 1)
    for key in column:
        slot = (key >> np.uint64(1)) & mask
        seen[slot] = min(seen[slot] + 1, 2)
    shares = np.zeros(len(column), dtype=np.bool_)
    for row in range(len(column)):
        shares[row] = column[row] != 0 and seen[(column[row] >> np.uint64(1)) & mask] > 1
    return shares


@compiled
def jaccard_from(one: NDArray[np.uint64], other: NDArray[np.uint64], threshold: float) -> float:
    """The Jaccard, or -1 once it is certain to be below `threshold`."""
    total = len(one) + len(other)
    if total == 0:
        return 0.0 if threshold <= 0.0 else -1.0
    may_miss = total - 2.0 * np.ceil(threshold / (1.0 + threshold) * total - 1e-6)
    i, j, shared = 0, 0, 0
    while i < len(one) and j < len(other):
        left, right = one[i], other[j]
        shared += left == right
        i += left <= right
        j += right <= left
        if i + j - 2 * shared > may_miss:
            return -1.0
    found = shared / (total - shared)
    return found if found >= threshold else -1.0


@compiled
def _met_before(keys: Keys, band: int, one: int, other: int) -> bool:
    """Whether two rows share the key of an earlier band, under which they were compared already."""
    for earlier in range(band):  # noqa: SIM110 - numba compiles no generators
        if keys[one, earlier] == keys[other, earlier]:
            return True
    return False


@compiled
def compare_all(  # noqa: PLR0917 - kernels take plain arrays, by position
    keys: Keys,
    band: int,
    order: Rows,
    starts: Rows,
    ends: Rows,
    offsets: Rows,
    hashes: NDArray[np.uint64],
    threshold: float,
    sides: NDArray[np.bool_],
    across: bool,
) -> Found:
    """Every pair under one key of this band, or only those across the sides."""
    ones, others, alike = [np.int64(0)], [np.int64(0)], [0.0]  # numba needs to see what the lists hold
    for group in range(len(starts)):
        for i in range(starts[group], ends[group]):
            if across and sides[order[i]]:
                break
            for j in range(ends[group] - 1, i, -1):
                if across and not sides[order[j]]:
                    break
                one, other = min(order[i], order[j]), max(order[i], order[j])
                if _met_before(keys, band, one, other):
                    continue
                mine, theirs = hashes[offsets[one] : offsets[one + 1]], hashes[offsets[other] : offsets[other + 1]]
                found = jaccard_from(mine, theirs, threshold)
                if found >= 0.0:
                    ones.append(one)
                    others.append(other)
                    alike.append(found)
    return np.array(ones)[1:], np.array(others)[1:], np.array(alike)[1:]


@compiled
def link_alike(  # noqa: PLR0917 - kernels take plain arrays, by position
    keys: Keys,
    band: int,
    order: Rows,
    starts: Rows,
    ends: Rows,
    offsets: Rows,
    hashes: NDArray[np.uint64],
    threshold: float,
    parents: Rows,
) -> tuple[Rows, Rows, NDArray[np.float64], int]:
    """Links under each key of this band, merged into `parents`; how many rows were cut short.

    The rows of a key that are in one cluster by now form a chain (`first`, `after`, `last`: places in `rows`).
    """
    ones, others, alike = [np.int64(0)], [np.int64(0)], [0.0]
    cut_short = 0
    for group in range(len(starts)):
        rows = order[starts[group] : ends[group]]
        after = np.full(len(rows), -1, dtype=np.int64)
        first, last = np.empty_like(rows), np.empty_like(rows)
        chains = 0
        for place in range(len(rows)):
            row, mine, patience, chain = rows[place], -1, MOST_STRANGERS, 0
            while chain < chains and patience > 0:
                joins = find(parents, rows[first[chain]]) == find(parents, row)
                if not joins:
                    member, found, patience = _first_like(
                        keys, band, row, rows, first[chain], after, offsets, hashes, threshold, patience
                    )
                    if member >= 0:
                        other = rows[member]
                        merge(parents, row, other)
                        ones.append(min(row, other))
                        others.append(max(row, other))
                        alike.append(found)
                        joins = True
                if joins and mine >= 0:  # this row joins two chains: the later one is hung on the earlier one
                    after[last[mine]] = first[chain]
                    last[mine] = last[chain]
                    chains -= 1
                    first[chain], last[chain] = first[chains], last[chains]
                    continue
                mine = chain if joins else mine
                chain += 1
            cut_short += patience <= 0
            if mine < 0:
                first[chains] = place
                mine = chains
                chains += 1
            else:
                after[last[mine]] = place
            last[mine] = place
    return np.array(ones)[1:], np.array(others)[1:], np.array(alike)[1:], cut_short


@compiled
def _first_like(  # noqa: PLR0917 - kernels take plain arrays, by position
    keys: Keys,
    band: int,
    row: int,
    rows: Rows,
    member: int,
    after: Rows,
    offsets: Rows,
    hashes: NDArray[np.uint64],
    threshold: float,
    patience: int,
) -> tuple[int, float, int]:
    """The first of the chain from `member` on that is like `row`, or -1; its Jaccard; the patience that is left."""
    own = hashes[offsets[row] : offsets[row + 1]]
    while member >= 0 and patience > 0:
        other = rows[member]
        if not _met_before(keys, band, row, other):
            found = jaccard_from(own, hashes[offsets[other] : offsets[other + 1]], threshold)
            if found >= 0.0:
                return member, found, patience
            patience -= 1
        member = after[member]
    return -1, -1.0, patience
