"""Drawing rows so that tags keep their shares and no group is torn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.errors import UserError

Keys = NDArray[np.uint64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Drawn:
    """The rows that were drawn, and rows of their groups that could not be drawn themselves."""

    chosen: Mask
    companions: Mask


@dataclass(frozen=True)
class _Crowds:
    """How many rows of each stratum each group may give; groups in the order in which they are tried."""

    edges: Codes
    """Where the entries of each group begin, shape [groups + 1]."""
    strata: Codes
    rows: Codes


def draw(
    groups: Keys, strata: Codes, size: int, *, seed: int, barred: Mask | None = None, every_stratum: bool = False
) -> Drawn:
    """`size` rows with the strata's shares kept as far as whole groups allow, the same in any order of the rows.

    A group larger than what is still wanted may take the draw past `size`.

    Args:
        groups: The group of each row, as a key; rows with one key stay together.
        strata: The stratum of each row, from 0.
        size: Rows wanted.
        seed: Decides the order in which groups are tried.
        barred: Rows that are never chosen.
        every_stratum: Whether a stratum too small for a share still gets a row, where `size` allows.

    Raises:
        UserError: There are not `size` rows to choose from.

    """
    free = np.ones(len(groups), dtype=np.bool_) if barred is None else ~barred
    _check_size(size, int(free.sum()))
    names, numbers = np.unique(groups, return_inverse=True)
    place = np.empty(len(names), dtype=np.int64)
    place[np.argsort(_shuffled(names, seed), kind="stable")] = np.arange(len(names))
    tried = place[numbers]
    kinds = int(strata.max()) + 1 if len(strata) else 0
    wanted = quotas(np.bincount(strata[free], minlength=kinds), size, every=every_stratum)
    taken = _take(_crowds(tried[free], strata[free], len(names), kinds), wanted)
    in_taken = taken[tried]
    return Drawn(chosen=in_taken & free, companions=in_taken & ~free)


def quotas(sizes: Codes, total: int, *, every: bool = False) -> Codes:
    """`total` rows shared out by largest remainder, never more than a stratum has.

    With `every`, strata whose share is below one row get one where `total` allows; the largest pay for it.
    """
    if not sizes.sum():
        return np.zeros(len(sizes), dtype=np.int64)
    exact = total * sizes / sizes.sum()
    shares: NDArray[np.int64] = exact.astype(np.int64)
    by_remainder = np.argsort(shares - exact, kind="stable")
    shares[by_remainder[: total - int(shares.sum())]] += 1
    if every and total >= np.count_nonzero(sizes):
        for lacking in np.flatnonzero((shares == 0) & (sizes > 0)):
            shares[lacking] += 1
            shares[int(np.argmax(shares))] -= 1
    return shares


def _crowds(tried: Codes, strata: Codes, groups: int, kinds: int) -> _Crowds:
    pairs, rows = np.unique(tried * max(kinds, 1) + strata, return_counts=True)
    owners = pairs // max(kinds, 1)
    return _Crowds(np.searchsorted(owners, np.arange(groups + 1)), pairs % max(kinds, 1), rows)


def _take(crowds: _Crowds, wanted: Codes) -> Mask:
    """Groups in order that fit what each stratum still wants; then those that overshoot it least."""
    taken = np.zeros(len(crowds.edges) - 1, dtype=np.bool_)
    left, missing = wanted.tolist(), int(wanted.sum())
    edges, strata, rows = crowds.edges.tolist(), crowds.strata.tolist(), crowds.rows.tolist()
    for group in range(len(taken)):
        if not missing:
            return taken
        entries = range(edges[group], edges[group + 1])
        if entries and all(rows[at] <= left[strata[at]] for at in entries):
            taken[group] = True
            for at in entries:
                left[strata[at]] -= rows[at]
                missing -= rows[at]
    _overshoot(crowds, np.array(left), taken)
    return taken


def _overshoot(crowds: _Crowds, left: Codes, taken: Mask) -> None:
    """Take groups, of which the least share is not wanted any more, until nothing is missing."""
    owners = np.repeat(np.arange(len(taken)), np.diff(crowds.edges))
    totals = np.bincount(owners, crowds.rows, len(taken))
    missing = int(left.sum())
    while missing > 0:
        unwanted = np.maximum(crowds.rows - np.maximum(left[crowds.strata], 0), 0)
        share = np.bincount(owners, unwanted, len(taken)) / np.maximum(totals, 1)
        share[taken | (totals == 0)] = np.inf
        group = int(np.argmin(share))
        taken[group] = True
        mine = slice(crowds.edges[group], crowds.edges[group + 1])
        np.subtract.at(left, crowds.strata[mine], crowds.rows[mine])
        missing -= int(totals[group])


def _shuffled(names: Keys, seed: int) -> Keys:
    """Keys in an order that the seed decides (the finaliser of SplitMix64)."""
    mixed = (names ^ np.uint64(seed % 2**64)) * _GOLDEN
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _check_size(size: int, there: int) -> None:
    if size > there:
        raise UserError(
            f"{size} rows were to be drawn and only {there} can be",
            hint="lower `gold.size`, or bring more rows that differ from each other",
        )
