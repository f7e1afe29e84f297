"""Near duplicates among all rows: rows that share a band key, verified by their true Jaccard.

In steps, so that memory holds band keys (one column at a time, if need be) and the sets of those rows only that share a
key with another: `crowded` names these rows, the caller makes their sets again or reads them back, and `links` or
`all_pairs` compares them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.text.comparing import Found, Rows, compare_all, jaccard_from, link_alike, share_a_slot
from luthier.text.shingling import Sets
from luthier.text.signatures import Keys

_SLOTS_PER_ROW = 8


@dataclass(frozen=True)
class Pairs:
    """Pairs of row numbers with their Jaccard; `one` < `other`, ordered by both."""

    one: Rows
    other: Rows
    jaccard: NDArray[np.float64]
    cut_short: int = 0
    """How often a row was not compared with all others under a key, which has more than 5,000 unlike rows then."""

    def __len__(self) -> int:
        """How many pairs."""
        return len(self.one)

    def of(self, rows: Rows) -> "Pairs":
        """The same pairs, where row n of these is row `rows[n]` of the whole; `rows` ascends."""
        return Pairs(rows[self.one], rows[self.other], self.jaccard, self.cut_short)


def crowded(columns: Iterable[NDArray[np.uint64]]) -> Rows:
    """The rows that share a key with another row in any band, ascending.

    Memory: about 20 bytes a row besides one column.

    Args:
        columns: The band keys of all rows, one band after another: `keys.T`, or columns as they are read from files.

    """
    shares: NDArray[np.bool_] | None = None
    for column in columns:
        shares = np.zeros(len(column), dtype=np.bool_) if shares is None else shares
        suspects = _suspects(np.ascontiguousarray(column))
        order = suspects[np.argsort(column[suspects])]
        same = np.flatnonzero(column[order[1:]] == column[order[:-1]])
        shares[order[same]] = True
        shares[order[same + 1]] = True
    return np.empty(0, dtype=np.int64) if shares is None else np.flatnonzero(shares)


def links(keys: Keys, sets: Sets, threshold: float) -> Pairs:
    """Pairs of Jaccard >= `threshold` that hold every cluster together; most other pairs of a cluster are left out.

    Two rows that share a key and reach the threshold are in one cluster of these links. A row is compared with the
    rows of each cluster until one is like it, so a crowd of alike rows costs one comparison a row.

    Args:
        keys: Band keys, shape [rows, bands].
        sets: The shingle sets of the same rows, of the same grain.
        threshold: In (0, 1].

    """
    _check(keys, sets)
    parents = np.arange(len(sets), dtype=np.int64)
    found: list[Found] = []
    cut_short = 0
    for band in range(keys.shape[1]):
        groups = _groups(keys[:, band])
        one, other, alike, cut = link_alike(keys, band, *groups, sets.offsets, sets.hashes, threshold, parents)
        found.append((one, other, alike))
        cut_short += cut
    return _ordered(found, cut_short)


def all_pairs(keys: Keys, sets: Sets, threshold: float, side: NDArray[np.bool_] | None = None) -> Pairs:
    """Every pair of Jaccard >= `threshold` that shares a key.

    Cost and result grow with the square of a crowd of alike rows: take `links` for clusters.

    Args:
        keys: Band keys, shape [rows, bands].
        sets: The shingle sets of the same rows, of the same grain.
        threshold: In (0, 1].
        side: Where given, only pairs of one row where it is True and one where it is False.

    """
    _check(keys, sets)
    if side is not None and len(side) != len(sets):
        raise ValueError(f"{len(side)} sides for {len(sets)} rows")
    sides = np.zeros(len(sets), dtype=np.bool_) if side is None else side
    found = []
    for band in range(keys.shape[1]):
        groups = _groups(keys[:, band], sides)
        found.append(compare_all(keys, band, *groups, sets.offsets, sets.hashes, threshold, sides, side is not None))
    return _ordered(found, 0)


def jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Shared shingles over all shingles of two ascending sets; 0 where both are empty, for they share nothing."""
    return jaccard_from(one, other, 0.0)


def _check(keys: Keys, sets: Sets) -> None:
    if len(keys) != len(sets):
        raise ValueError(f"band keys of {len(keys)} rows and sets of {len(sets)}")


def _groups(column: NDArray[np.uint64], sides: NDArray[np.bool_] | None = None) -> tuple[Rows, Rows, Rows]:
    """Rows ordered by key, then side, then number; where each key with two rows or more starts, and where it ends."""
    order = np.argsort(column, kind="stable") if sides is None else np.lexsort((sides, column))
    ordered = column[order]
    edges = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1], True]) if len(column) else np.zeros(1, np.int64)
    starts, ends = edges[:-1], edges[1:]
    kept = (ends - starts > 1) & (ordered[starts] != 0)
    return order, starts[kept], ends[kept]


def _suspects(column: NDArray[np.uint64]) -> Rows:
    """The rows whose key may be another row's, too: all that are, and one in eight others; spares sorting the rest."""
    slots = 1 << max(10, (_SLOTS_PER_ROW * len(column)).bit_length())
    return np.flatnonzero(share_a_slot(column, np.zeros(slots, dtype=np.uint8)))


def _ordered(found: Sequence[Found], cut_short: int) -> Pairs:
    if not found:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), cut_short)
    one, other, alike = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((other, one))
    return Pairs(one[order], other[order], alike[order], cut_short)
