"""Rows as sets of shingles: what near duplicates share.

A long text is the set of its word triples. In a short one a single changed word would touch most triples, so a short
text is its words and its neighbouring pairs instead. Texts of 12 to 15 words are both, which lets 11 words meet 12;
compare long sets with long ones and short sets with short ones, each under its own threshold.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from luthier.text.alphabet import APOSTROPHE, DIGIT, LETTER, POINT, code_at, kinds
from luthier.text.folding import Bytes
from luthier.text.native import compiled


@dataclass(frozen=True)
class Grain:
    """How fine the shingles are, and which texts are compared by them."""

    name: str
    width: int
    """Words in a shingle; with 2, single words count too."""
    fewest: int
    """Texts with fewer words have the empty set."""
    most: int
    """Texts with more words have the empty set."""
    threshold: float
    """The Jaccard from which two texts are near duplicates, unless a project says otherwise."""


LONG = Grain(name="long", width=3, fewest=12, most=2**40, threshold=0.85)
"""At 0.85 one changed word in 37 is found; of 100 words that is 2."""
SHORT = Grain(name="short", width=2, fewest=1, most=15, threshold=0.7)
"""At 0.7 one changed word of 8 or more is found, one left out of 6 or more, and no exchange of two words among 8."""
GRAINS = (LONG, SHORT)


@dataclass(frozen=True)
class Sets:
    """Sets of 64-bit shingles, one a row: row n has `hashes[offsets[n] : offsets[n + 1]]`, ascending, each once."""

    offsets: NDArray[np.int64]
    hashes: NDArray[np.uint64]

    def __len__(self) -> int:
        """Rows."""
        return len(self.offsets) - 1

    def take(self, rows: NDArray[np.int64]) -> "Sets":
        """The sets of these rows, in this order."""
        sizes = (self.offsets[1:] - self.offsets[:-1])[rows]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(sizes, out=offsets[1:])
        hashes = np.empty(int(offsets[-1]), dtype=np.uint64)
        _take(self.offsets, self.hashes, rows, offsets, hashes)
        return Sets(offsets, hashes)

    @classmethod
    def joined(cls, parts: "list[Sets]") -> "Sets":
        """The rows of all parts, one part after another."""
        sizes = [np.diff(part.offsets) for part in parts]
        offsets = np.zeros(sum(map(len, parts)) + 1, dtype=np.int64)
        if parts:
            np.cumsum(np.concatenate(sizes), out=offsets[1:])
        return cls(offsets, np.concatenate([part.hashes for part in parts]) if parts else np.empty(0, np.uint64))


def shingle_sets(texts: pa.Array, grain: Grain) -> Sets:
    """The shingles of each text; empty where a text has too few or too many words for `grain`.

    Equal sets come from equal texts in any process and on any platform.

    Args:
        texts: Folded texts (`folding.folded`), string or large_string; a null counts as empty. The words are those
            of `normalise.words`.
        grain: LONG or SHORT.

    """
    return _shingled(texts, grain, as_sets=True)


def shingle_bags(texts: pa.Array, grain: Grain) -> Sets:
    """The same as they come, unordered and repeated: a third cheaper, and enough for a signature and nothing else."""
    return _shingled(texts, grain, as_sets=False)


def _shingled(texts: pa.Array, grain: Grain, *, as_sets: bool) -> Sets:
    source = Bytes.of(texts)
    offsets = np.empty(len(source.offsets), dtype=np.int64)
    words = np.empty(int(np.diff(source.offsets).max(initial=0)) + 2, dtype=np.uint64)
    size = int(source.offsets[-1] - source.offsets[0])
    room = np.empty(2 * size + len(offsets), dtype=np.uint64)  # more than is written; untouched pages cost nothing
    limits = (grain.width, grain.fewest, grain.most)
    _shingle(source.values, source.offsets, kinds(), limits, as_sets, words, offsets, room)
    return Sets(offsets, room[: offsets[-1]].copy())


_ODD_1, _ODD_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
_EDGE = np.uint64(0x27D4EB2F165667C5)
"""Stands for the word before the first and after the last."""


@compiled
def mixed(value: np.uint64) -> np.uint64:
    """Every bit of it depends on every bit of `value`; one to one. Source: splitmix64 (Steele et al., 2014)."""
    value = (value ^ (value >> _30)) * _MIX_1
    value = (value ^ (value >> _27)) * _MIX_2
    return value ^ (value >> _31)


@compiled
def _shingle(  # noqa: PLR0917 - kernels take plain arrays, by position
    values: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kind_of: NDArray[np.uint8],
    limits: tuple[int, int, int],
    as_sets: bool,
    words: NDArray[np.uint64],
    out_offsets: NDArray[np.int64],
    out: NDArray[np.uint64],
) -> None:
    """Fill `out_offsets` and `out`; `words` is room for the words of the longest text."""
    width, fewest, most = limits
    at = 0
    out_offsets[0] = 0
    for row in range(len(offsets) - 1):
        count = _words(values, offsets[row], offsets[row + 1], kind_of, most, words)
        if fewest <= count <= most:
            end = at
            if width == 2:
                end = _words_and_pairs(words, count, out, at)
            else:
                for place in range(count - 2):
                    out[end] = mixed(words[place] + words[place + 1] * _ODD_1 + words[place + 2] * _ODD_2)
                    end += 1
            at = _ordered(out, at, end) if as_sets else end
        out_offsets[row + 1] = at


@compiled
def _ordered(out: NDArray[np.uint64], start: int, end: int) -> int:
    """Sort `out[start:end]` and drop repetitions; where it now ends."""
    out[start:end].sort()
    last = start
    for place in range(start + 1, end):
        if out[place] != out[last]:
            last += 1
            out[last] = out[place]
    return last + 1


@compiled
def _words_and_pairs(words: NDArray[np.uint64], count: int, out: NDArray[np.uint64], at: int) -> int:
    """Write each word with how often it came before, and each pair of neighbours, ends included; where it stopped."""
    for place in range(count):
        seen = np.uint64(1)
        for earlier in range(place):
            if words[earlier] == words[place]:
                seen += np.uint64(1)
        out[at] = mixed(words[place] + seen * _ODD_2)
        before = words[place - 1] if place else _EDGE
        out[at + 1] = mixed(before + words[place] * _ODD_1)
        at += 2
    out[at] = mixed(words[count - 1] + _EDGE * _ODD_1)
    return at + 1


@compiled
def _words(  # noqa: PLR0917 - kernels take plain arrays, by position
    values: NDArray[np.uint8], start: int, end: int, kind_of: NDArray[np.uint8], most: int, words: NDArray[np.uint64]
) -> int:
    """Write a hash of each word, and return how many there are; stops once there are more than `most`.

    A word is a figure (digits, with single points, commas or colons between digits) or a run of letters (with one
    apostrophe between letters), as in `normalise.words`.
    """
    count, place = 0, start
    while place < end and count <= most:
        kind, after = _kind_at(values, place, end, kind_of)
        if kind != LETTER and kind != DIGIT:  # noqa: PLR1714 - numba compiles no set of constants faster
            place = after
            continue
        joiner = APOSTROPHE if kind == LETTER else POINT
        may_join = True
        found = _FNV_START
        while True:
            for byte in range(place, after):
                found = (found ^ np.uint64(values[byte])) * _FNV_PRIME
            place = after
            if place >= end:
                break
            next_kind, after = _kind_at(values, place, end, kind_of)
            if next_kind == joiner and may_join and after < end:
                inner, beyond = _kind_at(values, after, end, kind_of)
                if inner != kind:
                    break
                after = beyond
                may_join = kind == DIGIT
            elif next_kind != kind:
                break
        words[count] = mixed(found)
        count += 1
    return count


@compiled
def _kind_at(values: NDArray[np.uint8], place: int, end: int, kind_of: NDArray[np.uint8]) -> tuple[int, int]:
    """The kind of the character at `place`, and where the next one starts."""
    if values[place] < 128:
        return int(kind_of[values[place]]), place + 1
    code, after = code_at(values, place, end)
    return int(kind_of[code]) if code >= 0 else 0, after


@compiled
def _take(
    offsets: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    rows: NDArray[np.int64],
    out_offsets: NDArray[np.int64],
    out: NDArray[np.uint64],
) -> None:
    for place in range(len(rows)):
        start = offsets[rows[place]]
        for step in range(out_offsets[place + 1] - out_offsets[place]):
            out[out_offsets[place] + step] = hashes[start + step]
