"""The words of Arrow columns as numbers: fast enough to look at every row of a million.

Words are those of `normalise.words`, less the polite ones, which change nothing about what is asked. A word's stem is
its first five letters; a figure is its own stem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from luthier.text.alphabet import APOSTROPHE, DIGIT, LETTER, POINT, kinds
from luthier.text.folding import Bytes, folded
from luthier.text.native import compiled

Hashes = NDArray[np.uint64]

POLITE = frozenset(
    "please thanks thank hello hi hey kindly ta cheers regards bitte danke hallo alstublieft dank graag groeten "  # noqa: SIM905 - a list of words reads best as a sentence
    "bonjour merci hola gracias".split()
)
STEM = 5
_RIGHT_QUOTE, _APOSTROPHE = 0x2019, 0x27


@dataclass(frozen=True)
class Tokens:
    """Row n has the words and stems from `starts[n]` to `starts[n + 1]`, in order."""

    starts: NDArray[np.int64]
    words: Hashes
    stems: Hashes

    def __len__(self) -> int:
        """Rows."""
        return len(self.starts) - 1

    def in_order(self) -> Hashes:
        """One key per row, equal for the same words in the same order."""
        return _sequence_keys(self.starts, self.words)

    def in_any_order(self) -> Hashes:
        """One key per row, equal for the same words in any order."""
        return _bag_keys(self.starts, self.words)


def tokens_of(texts: pa.Array) -> Tokens:
    """The words of each text; a text of nothing but polite words keeps them. A null counts as empty."""
    source = Bytes.of(folded(texts))
    size = int(source.offsets[-1] - source.offsets[0])
    words = np.empty(size // 2 + len(source.offsets), dtype=np.uint64)
    stems = np.empty_like(words)
    starts = np.zeros(len(source.offsets), dtype=np.int64)
    _tokenise(source.values, source.offsets, kinds(), _polite(), words, stems, starts)
    return Tokens(starts, words[: starts[-1]].copy(), stems[: starts[-1]].copy())


def tokens_of_texts(texts: Sequence[str]) -> Tokens:
    """The words of each text of a list."""
    return tokens_of(pa.array(texts, pa.large_string()))


@cache
def _polite() -> Hashes:
    source = Bytes.of(pa.array(sorted(POLITE), pa.large_string()))
    words = np.empty(len(source.values), dtype=np.uint64)
    starts = np.zeros(len(source.offsets), dtype=np.int64)
    _tokenise(source.values, source.offsets, kinds(), np.zeros(1, dtype=np.uint64), words, np.empty_like(words), starts)
    return np.sort(words[: starts[-1]])


@compiled
def _holds(ordered: Hashes, wanted: np.uint64) -> bool:
    """Whether a hash is one of a few that ascend."""
    for one in ordered:
        if one >= wanted:
            return bool(one == wanted)
    return False


@compiled
def _mixed(value: np.uint64) -> np.uint64:
    value ^= value >> np.uint64(32)
    value *= np.uint64(0xD6E8FEB86659FD93)
    value ^= value >> np.uint64(32)
    return value


@compiled
def _decoded(values: NDArray[np.uint8], place: int, end: int) -> tuple[int, int]:
    """The character at `place` and how many bytes it has; a space at the end."""
    if place >= end:
        return 0x20, 1
    code = int(values[place])
    width = 1 if code < 0x80 else 2 if code < 0xE0 else 3 if code < 0xF0 else 4
    if width > 1:
        code &= 0x7F >> width
        for more in range(1, width):
            code = (code << 6) | int(values[place + more] & 0x3F)
    return code, width


@compiled
def _tokenise(  # noqa: PLR0912, PLR0917 - one walk over the bytes; compiled functions take arrays, not objects
    values: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kind_of: NDArray[np.uint8],
    polite: Hashes,
    words: Hashes,
    stems: Hashes,
    starts: NDArray[np.int64],
) -> None:
    """Fill `words`, `stems` and `starts`."""
    prime = np.uint64(0x100000001B3)
    first = np.uint64(0xCBF29CE484222325)
    at = 0
    for row in range(len(offsets) - 1):
        begin = at
        for with_polite in range(2):
            place, end = offsets[row], offsets[row + 1]
            word, stem, letters, kind, joined = first, first, 0, 0, False
            while True:
                code, width = _decoded(values, place, end)
                here = int(kind_of[code])
                goes_on = kind != 0 and here == kind
                if not goes_on and (here == APOSTROPHE or here == POINT):  # noqa: PLR1714, SIM109 - numba would make a set
                    after = kind_of[_decoded(values, place + width, end)[0]]
                    if kind == LETTER and here == APOSTROPHE and after == LETTER and not joined:
                        goes_on = joined = True
                    elif kind == DIGIT and here == POINT and after == DIGIT:
                        goes_on = True
                if not goes_on and kind:
                    found = _mixed(word)
                    if with_polite or not _holds(polite, found):
                        words[at] = found
                        stems[at] = _mixed(stem)
                        at += 1
                    word, stem, letters, kind, joined = first, first, 0, 0, False
                if place >= end:
                    break
                if goes_on or here == LETTER or here == DIGIT:  # noqa: PLR1714, SIM109 - the same
                    if not goes_on:
                        kind = here
                    code = _APOSTROPHE if code == _RIGHT_QUOTE else code
                    word = (word ^ np.uint64(code)) * prime
                    if letters < STEM or kind == DIGIT:
                        stem = (stem ^ np.uint64(code)) * prime
                    letters += 1
                place += width
            if at > begin:
                break
        starts[row + 1] = at


@compiled
def _sequence_keys(starts: NDArray[np.int64], words: Hashes) -> Hashes:
    keys = np.empty(len(starts) - 1, dtype=np.uint64)
    for row in range(len(keys)):
        key = np.uint64(0x9E3779B97F4A7C15)
        for place in range(starts[row], starts[row + 1]):
            key = _mixed(key * np.uint64(0x100000001B3) + words[place])
        keys[row] = key
    return keys


@compiled
def _bag_keys(starts: NDArray[np.int64], words: Hashes) -> Hashes:
    keys = np.empty(len(starts) - 1, dtype=np.uint64)
    for row in range(len(keys)):
        key = np.uint64(starts[row + 1] - starts[row])
        for place in range(starts[row], starts[row + 1]):
            key += _mixed(words[place] + np.uint64(0x9E3779B97F4A7C15))
        keys[row] = key
    return keys
