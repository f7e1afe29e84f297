"""`normalise.fold` for whole Arrow columns: the same text, several times as fast.

A kernel folds character by character. Rows with marks or Hangul letters (`alphabet` says why) go through
`normalise.fold` itself, so a column in Devanagari or decomposed accents is folded at Python's speed.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from luthier.text.alphabet import FOLDED_TO, HARD, SPACE, code_at, folds
from luthier.text.native import compiled
from luthier.text.normalise import fold


class Bytes(NamedTuple):
    """The strings of an Arrow column, without a copy: string n is `values[offsets[n] : offsets[n + 1]]`."""

    values: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, texts: pa.Array) -> "Bytes":
        """The UTF-8 of a string or large_string array, which may be a slice; a null counts as empty."""
        plain = pc.fill_null(texts, "") if texts.null_count else texts
        wide = plain.cast(pa.large_string())
        _, offsets, values = wide.buffers()
        if not len(wide) or offsets is None:
            return cls(np.empty(0, dtype=np.uint8), np.zeros(len(wide) + 1, dtype=np.int64))
        places = np.frombuffer(offsets, dtype="<i8")[wide.offset : wide.offset + len(wide) + 1]
        return cls(np.frombuffer(values or b"", dtype=np.uint8), places)

    def to_arrow(self) -> pa.LargeStringArray:
        """A large_string array over the same memory."""
        values = pa.py_buffer(self.values)
        return pa.LargeStringArray.from_buffers(len(self.offsets) - 1, pa.py_buffer(self.offsets), values)


def folded(texts: pa.Array) -> pa.LargeStringArray:
    """What `normalise.fold` makes of each text; a null becomes an empty text.

    Args:
        texts: A string or large_string array, also a slice of one.

    Raises:
        UnicodeDecodeError: A text is no UTF-8; Parquet files can hold such strings.

    """
    source = Bytes.of(texts)
    table = folds()
    start, end = int(source.offsets[0]), int(source.offsets[-1])
    beyond_ascii = int(np.count_nonzero(source.values[start:end] > 127))
    room = np.empty(end - start + beyond_ascii, dtype=np.uint8)  # what is not ASCII can double
    offsets = np.empty(len(source.offsets), dtype=np.int64)
    is_hard = np.zeros(len(source.offsets) - 1, dtype=np.bool_)
    _fold(source.values, source.offsets, table.length, table.start, table.pool, room, offsets, is_hard)
    easy = Bytes(room[: offsets[-1]], offsets).to_arrow()
    if not is_hard.any():
        return easy
    where = pa.array(is_hard)
    whole = pa.array(map(fold, texts.filter(where).to_pylist()), pa.large_string())
    return pc.replace_with_mask(easy, where, whole)


@compiled
def _fold(  # noqa: PLR0917 - kernels take plain arrays, by position
    values: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    length: NDArray[np.uint8],
    start: NDArray[np.int32],
    pool: NDArray[np.uint8],
    out: NDArray[np.uint8],
    out_offsets: NDArray[np.int64],
    is_hard: NDArray[np.bool_],
) -> None:
    """Fill `out`, `out_offsets` and `is_hard`; a hard row is left empty."""
    ascii_folds = np.empty(128, dtype=np.uint8)
    for code in range(128):
        ascii_folds[code] = 32 if length[code] == SPACE else pool[start[code]]
    at = 0
    out_offsets[0] = 0
    for row in range(len(offsets) - 1):
        first, place, end = at, offsets[row], offsets[row + 1]
        after_space = True
        while place < end:
            byte = values[place]
            if byte < 128:  # without a branch: a space after a space is written, and written over
                place += 1
                out[at] = ascii_folds[byte]
                is_space = out[at] == 32
                at += 1 - (is_space & after_space)
                after_space = is_space
                continue
            code, place = code_at(values, place, end)
            kind = length[code] if 0 <= code < FOLDED_TO else HARD
            if kind == HARD:
                is_hard[row] = True
                at = first
                break
            if kind == SPACE:
                out[at] = 32
                at += 1 - after_space
                after_space = True
            elif kind > 0:
                for more in range(kind):
                    out[at + more] = pool[start[code] + more]
                at += kind
                after_space = False
        at -= at > first and out[at - 1] == 32
        out_offsets[row + 1] = at
