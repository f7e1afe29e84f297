"""The surroundings of every number in many texts, cut out in one pass over their bytes.

Forty kinds of number are told apart by patterns. Read against the few characters around each number instead of against
whole texts, they cost a fifth.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from luthier.text.folding import Bytes
from luthier.text.native import compiled

BEFORE, AFTER = 80, 48
"""Characters kept before a number, where a word may say what it is, and at least this many bytes kept after it."""


class Surroundings(NamedTuple):
    """Pieces of texts that hold all their numbers."""

    pieces: pa.LargeStringArray
    rows: NDArray[np.int64]
    """The text that each piece comes from, in order."""


def surroundings(texts: pa.Array) -> Surroundings:
    """Every ASCII digit and what stands around it; digits near each other lie in one piece."""
    source = Bytes.of(texts)
    size = int(source.offsets[-1] - source.offsets[0])
    room = size // AFTER + len(source.offsets)
    rows, starts, ends = (np.empty(room, dtype=np.int64) for _ in range(3))
    count = _find(source.values, source.offsets, rows, starts, ends)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(ends[:count] - starts[:count])])
    values = np.empty(int(offsets[-1]), dtype=np.uint8)
    _copy(source.values, starts[:count], offsets, values)
    return Surroundings(Bytes(values, offsets).to_arrow(), rows[:count])


@compiled
def _find(
    values: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """Fill the last three arrays; how many pieces there are."""
    count = 0
    for row in range(len(offsets) - 1):
        first, end = offsets[row], offsets[row + 1]
        place = first
        while place < end:
            if not 48 <= values[place] <= 57:
                place += 1
                continue
            start, steps = place, 0
            while start > first and (steps < BEFORE or (values[start] & 0xC0) == 0x80):
                start -= 1
                steps += (values[start] & 0xC0) != 0x80
            last = place
            while place < end and place <= last + AFTER:
                if 48 <= values[place] <= 57:
                    last = place
                place += 1
            while place < end and (values[place] & 0xC0) == 0x80:
                place += 1
            rows[count], starts[count], ends[count] = row, start, place
            count += 1
    return count


@compiled
def _copy(
    values: NDArray[np.uint8], starts: NDArray[np.int64], offsets: NDArray[np.int64], out: NDArray[np.uint8]
) -> None:
    """The pieces, one after another."""
    for piece in range(len(starts)):
        shift = starts[piece] - offsets[piece]
        for place in range(offsets[piece], offsets[piece + 1]):
            out[place] = values[place + shift]
