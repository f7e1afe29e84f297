"""Signatures that collide where texts are alike, so that only few pairs need a real comparison.

Words are repeated by their rarity before hashing, so the chance of a collision follows the rarity-weighted overlap:
two letters from one template with other names in them do not collide, a letter and its forwarded copy do.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import xxhash
from numpy.typing import NDArray

from luthier.text.normalise import words
from luthier.text.rarity import Bag, Rarity

BANDS, ROWS_PER_BAND = 16, 4
"""A pair of overlap J shares a band with probability 1 - (1 - J^4)^16: 0.9999 at 0.85, 0.93 at 0.63, 0.12 at 0.3."""

_CROWD = 64
Keys = NDArray[np.uint64]
Pairs = NDArray[np.int64]


def bag_of(text: str) -> Counter[str]:
    """The words of `text` with their counts."""
    return Counter(words(text))


def band_keys(bags: Sequence[Bag], rarity: Rarity) -> Keys:
    """MinHash band keys, shape [len(bags), BANDS]; rows that share a key in one column are candidates."""
    if not bags:
        return np.empty((0, BANDS), dtype=np.uint64)
    hashes, starts = _hashed(bags, rarity)
    mixers = np.random.default_rng(20_261_122).integers(1, 2**63, size=(BANDS * ROWS_PER_BAND, 2), dtype=np.uint64)
    keys = np.zeros((len(bags), BANDS), dtype=np.uint64)
    for place, (factor, mask) in enumerate(mixers):
        lowest = np.minimum.reduceat(_mixed(hashes, factor, mask), starts)
        band = place // ROWS_PER_BAND
        keys[:, band] = keys[:, band] * np.uint64(0x9E3779B97F4A7C15) + (lowest ^ (lowest >> np.uint64(29)))
    return keys


def candidate_pairs(keys: Keys, side: NDArray[np.bool_] | None = None) -> Pairs:
    """Row numbers of pairs that share a band, shape [pairs, 2], each once with the lower number first.

    With `side`, only pairs of one row where it is False and one where it is True. Of a crowd (more than 64 rows under
    one key) each row is paired with its next neighbours and the first row only, which still links the crowd.
    """
    found = [_pairs_under_one_key(keys[:, band], side) for band in range(keys.shape[1])]
    pairs = np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
    return np.unique(pairs, axis=0)


def _hashed(bags: Sequence[Bag], rarity: Rarity) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of all repeated words in one row after another, and where each row starts."""
    known: dict[tuple[str, int], list[int]] = {}
    flat: list[int] = []
    starts = np.empty(len(bags), dtype=np.int64)
    for row, bag in enumerate(bags):
        starts[row] = len(flat)
        for word, count in bag.items():
            repeated = known.get((word, count))
            if repeated is None:
                times = max(1, round(rarity.weight(word)))
                repeated = [
                    xxhash.xxh3_64_intdigest(f"{word} {n} {k}".encode()) for n in range(count) for k in range(times)
                ]
                known[word, count] = repeated
            flat += repeated
        if not bag:
            flat.append(xxhash.xxh3_64_intdigest(b""))
    return np.array(flat, dtype=np.uint64), starts


def _mixed(hashes: NDArray[np.uint64], factor: np.uint64, mask: np.uint64) -> NDArray[np.uint64]:
    mixed = (hashes ^ mask) * (factor | np.uint64(1))
    return mixed ^ (mixed >> np.uint64(32))


def _pairs_under_one_key(column: Keys, side: NDArray[np.bool_] | None) -> Pairs:
    order = np.argsort(column, kind="stable")
    edges = [0, *(np.flatnonzero(np.diff(column[order])) + 1).tolist(), len(order)]
    crowds = (order[start:end] for start, end in pairwise(edges) if end - start > 1)
    pairs = [_across(crowd, side) if side is not None else _within(crowd) for crowd in crowds]
    return np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)


def _within(crowd: Pairs) -> Pairs:
    if len(crowd) <= _CROWD:
        first, second = np.triu_indices(len(crowd), 1)
        return np.stack([crowd[first], crowd[second]], axis=1)
    steps = [np.stack([crowd[:-step], crowd[step:]], axis=1) for step in range(1, 9)]
    to_first = np.stack([np.full(len(crowd) - 1, crowd[0]), crowd[1:]], axis=1)
    return np.concatenate([*steps, to_first])


def _across(crowd: Pairs, side: NDArray[np.bool_]) -> Pairs:
    far, near = crowd[side[crowd]], crowd[~side[crowd]]
    pairs = np.stack([np.repeat(far, len(near)), np.tile(near, len(far))], axis=1)
    return np.sort(pairs, axis=1)
