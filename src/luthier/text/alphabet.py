"""Tables of what folding does to each character and what kind of character it is, for kernels that read bytes.

Folding a text is folding its characters one by one as long as none of them can join with the one before it. Those that
can are the marks (category M) and the Hangul letters that build syllables; a text with one of them is `hard`, and
`normalise.fold` folds it as a whole.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.text.native import compiled
from luthier.text.normalise import fold

FOLDED_TO = 0x20000
"""Characters from here on are hard: rare ideographs, tags, private use."""

SPACE, HARD = 254, 255
LETTER, DIGIT, APOSTROPHE, POINT = 1, 2, 3, 4
"""Kinds of characters in words: `normalise.words` says how they make one. 0 is any other character."""

_SYLLABLE_PARTS = ((0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF))
_LONGEST = 2
_FENCE = "\u2020"
"""A dagger: it joins with nothing, folds to itself, and keeps the spaces beside it."""


class Folds(NamedTuple):
    """What each character below FOLDED_TO folds to."""

    length: NDArray[np.uint8]
    """Bytes of the folded character, 0 where it is left out, else SPACE or HARD."""
    start: NDArray[np.int32]
    """Where they start in `pool`."""
    pool: NDArray[np.uint8]
    """UTF-8, at most twice as long as the character itself."""


@cache
def folds() -> Folds:
    """The table, made once a process from Python's own Unicode data in about 0.2 s."""
    length = np.full(FOLDED_TO, HARD, dtype=np.uint8)
    start = np.zeros(FOLDED_TO, dtype=np.int32)
    pool = bytearray()
    soft = [char for char in map(chr, range(FOLDED_TO)) if char != _FENCE and not _is_hard(char)]
    for char, folded in zip([*soft, _FENCE], [*_folded_alone(soft), _FENCE], strict=True):
        code, kept = ord(char), folded.encode()
        if folded == " ":
            length[code] = SPACE
        elif folded == char or _is_plain(folded, most=_LONGEST * len(char.encode())):
            length[code], start[code] = len(kept), len(pool)
            pool += kept
    return Folds(length, start, np.frombuffer(bytes(pool), dtype=np.uint8))


@cache
def kinds() -> NDArray[np.uint8]:
    """The kind of every character, shape [0x110000]; surrogates count as other."""
    every = "".join(chr(code) if not 0xD800 <= code <= 0xDFFF else " " for code in range(0x110000))
    found = np.zeros(len(every), dtype=np.uint8)
    for kind, pattern in ((LETTER, r"[^\W\d_]+"), (DIGIT, r"\d+"), (APOSTROPHE, "['\u2019]"), (POINT, "[.,:]")):
        for match in re.finditer(pattern, every):
            found[match.start() : match.end()] = kind
    return found


@compiled
def code_at(values: NDArray[np.uint8], place: int, end: int) -> tuple[int, int]:
    """The character whose first byte, beyond ASCII, is at `place`, and where the next starts; -1 for broken UTF-8."""
    lead = values[place]
    width = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if lead < 0xC0 or lead > 0xF7 or place + width > end:
        return -1, place + 1
    code = int(lead & (0x7F >> width))
    for more in range(1, width):
        if values[place + more] & 0xC0 != 0x80:
            return -1, place + 1
        code = (code << 6) | int(values[place + more] & 0x3F)
    return (code, place + width) if code < 0x110000 else (-1, place + 1)


def _folded_alone(chars: Sequence[str]) -> list[str]:
    """Each character folded: empty where it is invisible, one space where it is a space."""
    return fold(_FENCE + _FENCE.join(chars) + _FENCE).split(_FENCE)[1:-1]


def _is_plain(folded: str, *, most: int) -> bool:
    return " " not in folded and len(folded.encode()) <= most and not any(map(_is_hard, folded))


def _is_hard(char: str) -> bool:
    if char.isascii():
        return False
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF or any(low <= code <= high for low, high in _SYLLABLE_PARTS):
        return True
    return unicodedata.category(char).startswith("M")
