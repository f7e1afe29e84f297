"""MinHash: rows whose shingle sets overlap share a band key, and others rarely do.

The keys of a row depend on its text alone, so batches can be done in any process, in any order and size, and put
together afterwards. Where candidates are verified a signature is needed no longer than it takes to make its band keys.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from luthier.text.native import compiled
from luthier.text.shingling import Grain, Sets, mixed, shingle_bags

Signatures = NDArray[np.uint32]
"""Shape [rows, permutations]: for each permutation the lowest hash in the row's set."""
Keys = NDArray[np.uint64]
"""Shape [rows, bands]; a row of zeros has the empty set and is a candidate with no other."""

PERMUTATIONS = 128
_SEED = 20_261_123
_FOUND_AT_THRESHOLD = 0.998


@dataclass(frozen=True)
class Bands:
    """How a signature is cut into keys."""

    count: int
    rows: int
    """Hashes that must all be equal for two keys to be equal."""

    @classmethod
    def for_threshold(cls, threshold: float) -> "Bands":
        """The fewest candidates with which a pair at `threshold` is still found in 998 of 1,000 cases.

        A pair of Jaccard J shares a key with probability 1 - (1 - J^rows)^count: 18 x 7 at 0.85 (0.9990), 32 x 4 at
        0.7 (0.9998). Below 0.19 not even 128 x 1 gives 0.998; that is then what is taken.
        """
        cuts = (cls(PERMUTATIONS // rows, rows) for rows in range(PERMUTATIONS, 1, -1))
        return next((cut for cut in cuts if cut.chance(threshold) >= _FOUND_AT_THRESHOLD), cls(PERMUTATIONS, 1))

    def chance(self, jaccard: float) -> float:
        """The probability that two sets of this Jaccard share a key."""
        return 1.0 - (1.0 - jaccard**self.rows) ** self.count


def near_keys(texts: pa.Array, grain: Grain, bands: Bands) -> Keys:
    """The band keys of folded texts, shape [len(texts), bands.count]: all that must be done batch by batch."""
    bags = shingle_bags(texts, grain)
    return band_keys(signatures(bags, bands.count * bands.rows), bands)


def signatures(sets: Sets, permutations: int = PERMUTATIONS) -> Signatures:
    """The MinHash signature of each set, shape [len(sets), permutations]; of the empty set all ones bits."""
    found = np.full((len(sets), permutations), 0xFFFFFFFF, dtype=np.uint32)
    factors, shifts = _permutations(permutations)
    _lowest(sets.offsets, sets.hashes, factors, shifts, found)
    return found


def band_keys(found: Signatures, bands: Bands) -> Keys:
    """The keys of each row, shape [rows, bands.count]; the signature must have `bands.count * bands.rows` hashes.

    Raises:
        ValueError: It has another number.

    """
    if found.shape[1] != bands.count * bands.rows:
        raise ValueError(f"signatures of {found.shape[1]} hashes cannot be cut into {bands.count} x {bands.rows}")
    keys = np.zeros((len(found), bands.count), dtype=np.uint64)
    _cut(found, bands.rows, keys)
    return keys


def _permutations(count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Odd factors and shifts; the first are the same for any `count`."""
    drawn = np.random.Generator(np.random.PCG64(_SEED)).integers(0, 2**32, size=(PERMUTATIONS, 2), dtype=np.uint32)
    return drawn[:count, 0] | np.uint32(1), drawn[:count, 1].copy()


@compiled
def _lowest(
    offsets: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    factors: NDArray[np.uint32],
    shifts: NDArray[np.uint32],
    found: Signatures,
) -> None:
    for row in range(len(offsets) - 1):
        lowest = found[row]
        for place in range(offsets[row], offsets[row + 1]):
            value = np.uint32(hashes[place] >> np.uint64(32))
            for k in range(len(factors)):
                moved = np.uint32(factors[k] * value + shifts[k])
                lowest[k] = min(lowest[k], moved)


@compiled
def _cut(found: Signatures, rows: int, keys: Keys) -> None:
    for row in range(keys.shape[0]):
        is_empty = True
        for k in range(found.shape[1]):
            is_empty &= found[row, k] == np.uint32(0xFFFFFFFF)
        if is_empty:
            continue
        for band in range(keys.shape[1]):
            key = np.uint64(band + 1)
            for k in range(band * rows, (band + 1) * rows):
                key = mixed(key + np.uint64(found[row, k]))
            keys[row, band] = key | np.uint64(1)  # zero is for the empty set
