"""What the tagger sees of a word: itself where it is known, its spelling, its shape, and what stood before it."""

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LABELS = ("PERSON", "LOCATION", "STREET_ADDRESS", "ORGANIZATION", "TITLE", "NRP", "AGE")
TAGS = ("O", *(f"{part}-{label}" for label in LABELS for part in "BI"))
SPELLINGS = 1 << 15
"""Rows of the table that pieces of spelling share."""

WIDTH = 24
"""Most features of one word; those beyond are left out."""

LONGEST = 96
"""Tokens in a stretch that is tagged as one; a longer text is cut, at a line end where there is one."""

_TOKEN = re.compile(r"\\[nrt]|[^\W\d_]+|\d+|[^\w\s]|_")
_RUNS = re.compile(r"(.)\1+")
_NEWLINE = re.compile(r"\n|\\[nrt]")
"""Line ends, also those that JSON and logs spell out."""


class Stretch(NamedTuple):
    """A run of tokens of one text."""

    text_index: int
    words: list[str]
    places: list[tuple[int, int]]
    gaps: list[int]
    """Before each token: 0 nothing, 1 a space, 2 a line end; plus 3 in a stretch of small letters, 6 of capitals."""


def stretches(text: str, text_index: int = 0) -> list[Stretch]:
    """The tokens of `text`, in runs of at most `LONGEST`."""
    words: list[str] = []
    places: list[tuple[int, int]] = []
    gaps: list[int] = []
    found: list[Stretch] = []
    last = 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if text[start] == "\\" and end - start == 2:
            continue
        gap = 0 if start == last else 2 if _NEWLINE.search(text, last, start) else 1
        full = len(words)
        if full == LONGEST or (gap == 2 and full >= LONGEST // 2):
            found.append(_stretch(text_index, words, places, gaps))
            words, places, gaps = [], [], []
        words.append(match[0])
        places.append((start, end))
        gaps.append(gap)
        last = end
    return [*found, _stretch(text_index, words, places, gaps)] if words else found


def spelling(word: str, known: Mapping[str, int], listed: Mapping[int, int]) -> list[int]:
    """Rows of the table for `word`: its own first (0, the empty row, where it is unknown), then what it looks like.

    `listed` holds, under `hash_of` a word, in which lists of names it stands, one bit a list.
    """
    low = word.lower()
    framed = f"^{low}$"
    parts = [
        f"g{listed.get(hash_of(low), 0)}", f"s{_shape(word)}", f"l{min(len(word), 12)}", f"p{low[:2]}", f"p{low[:4]}",
        f"e{low[-2:]}", f"e{low[-3:]}", f"e{low[-4:]}",
        *(f"t{framed[place : place + 3]}" for place in range(len(framed) - 2)),
    ]  # fmt: skip
    rows = [1 + len(known) + zlib.crc32(part.encode()) % SPELLINGS for part in parts[: WIDTH - 1]]
    return [known.get(low, -1) + 1, *rows]


def hash_of(word: str) -> int:
    """What stands for a listed word in small letters; the lists themselves need not be kept."""
    return zlib.crc32(word.encode())


def spelling_matrix(words: Sequence[str], known: Mapping[str, int], listed: Mapping[int, int]) -> NDArray[np.int32]:
    """Rows of each word, shape [words, WIDTH], filled up with the empty row."""
    rows = np.zeros((len(words), WIDTH), dtype=np.int32)
    for place, word in enumerate(words):
        found = spelling(word, known, listed)
        rows[place, : len(found)] = found
    return rows


def _stretch(text_index: int, words: list[str], places: list[tuple[int, int]], gaps: list[int]) -> Stretch:
    letters = "".join(words)
    case = 3 if letters.islower() else 6 if letters.isupper() else 0
    return Stretch(text_index, words, places, [gap + case for gap in gaps])


def _shape(word: str) -> str:
    if word.isdigit():
        return f"9{min(len(word), 7)}"
    shape = "".join("X" if char.isupper() else "x" if char.isalpha() else char for char in word)
    return _RUNS.sub(r"\1\1", shape)
