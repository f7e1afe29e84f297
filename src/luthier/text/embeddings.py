"""Texts as vectors: half of what they mean, half of which words they hold.

Meaning is the mean of word vectors shipped with Luthier (`embedder/`, made by `models/embedder`), weighed by how rare
each word is in the project. Words are a count sketch of the stems, so that a name that no list knows counts too.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from luthier.text.native import compiled
from luthier.text.tokens import Hashes, Tokens, tokens_of

Floats = NDArray[np.float32]
SKETCH, _TOUCHED = 256, 4
"""A stem is spread over 4 of 256 places; two unrelated texts are 0 apart from about 0.06 of noise."""
_COUNTERS = 1 << 21


class WordVectors(NamedTuple):
    """Vectors of length 127 in bytes, and where each word's stands."""

    place: dict[str, int]
    vectors: NDArray[np.int8]
    slots: Hashes
    """Hashes of the words, open addressing; 0 is a free slot."""
    held: NDArray[np.int32]

    def of(self, word: str) -> NDArray[np.int8] | None:
        """The vector of a word; None where it is unknown."""
        spot = self.place.get(word)
        return None if spot is None else self.vectors[spot]


@cache
def word_vectors() -> WordVectors:
    """The word vectors of the package."""
    folder = files("luthier.text") / "embedder"
    words = (folder / "words.txt").read_text(encoding="utf-8").splitlines()
    raw = np.frombuffer((folder / "vectors.i8").read_bytes(), dtype=np.int8)
    hashes = tokens_of(pa.array(words, pa.large_string())).words
    slots = np.zeros(1 << (2 * len(words) - 1).bit_length(), dtype=np.uint64)
    held = np.zeros(len(slots), dtype=np.int32)
    _insert(hashes, slots, held)
    return WordVectors({word: spot for spot, word in enumerate(words)}, raw.reshape(len(words), -1), slots, held)


@dataclass
class Counts:
    """How many rows hold each word and each stem, in tables of fixed size; a collision makes a word seem less rare."""

    words: NDArray[np.uint32]
    stems: NDArray[np.uint32]
    rows: int = 0

    @classmethod
    def of(cls, batches: Iterable[Tokens]) -> "Counts":
        """The counts of all batches together."""
        counts = cls(np.zeros(_COUNTERS, dtype=np.uint32), np.zeros(_COUNTERS, dtype=np.uint32))
        for tokens in batches:
            counts.add(tokens)
        return counts

    def add(self, tokens: Tokens) -> None:
        """Count one batch more."""
        _count(tokens.starts, tokens.words, self.words)
        _count(tokens.starts, tokens.stems, self.stems)
        self.rows += len(tokens)

    def merge(self, other: "Counts") -> None:
        """Count the rows that another one has counted."""
        self.words += other.words
        self.stems += other.stems
        self.rows += other.rows

    def weight(self, word: int | None) -> float:
        """How much a word tells, by its hash: ln(1 + rows / rows with it); None is a word that no row has."""
        seen = 1 if word is None else int(self.words[word & (len(self.words) - 1)])
        return math.log1p(max(self.rows, 1) / max(seen, 1))


def vectors_of(tokens: Tokens, counts: Counts) -> tuple[Floats, Floats]:
    """Meanings, shape [rows, 128], and sketches, shape [rows, 256]; lines of length 1, or 0 where nothing is known."""
    known = word_vectors()
    meanings = np.zeros((len(tokens), known.vectors.shape[1]), dtype=np.float32)
    sketches = np.zeros((len(tokens), SKETCH), dtype=np.float32)
    _embed(
        tokens.starts, tokens.words, tokens.stems, counts.words, counts.stems, counts.rows,
        known.slots, known.held, known.vectors, meanings, sketches,
    )  # fmt: skip
    return unit(meanings), unit(sketches)


def unit(vectors: Floats) -> Floats:
    """Every line brought to length 1; empty lines stay empty."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    lines: Floats = vectors / np.maximum(length, np.float32(1e-9))
    return lines


@compiled
def _insert(hashes: Hashes, slots: Hashes, held: NDArray[np.int32]) -> None:
    mask = np.uint64(len(slots) - 1)
    for place in range(len(hashes)):
        spot = hashes[place] & mask
        while slots[spot] != 0 and slots[spot] != hashes[place]:
            spot = (spot + np.uint64(1)) & mask
        if slots[spot] == 0:
            slots[spot] = hashes[place]
            held[spot] = place


@compiled
def _count(starts: NDArray[np.int64], hashes: Hashes, counters: NDArray[np.uint32]) -> None:
    """Add 1 for every different hash of each row."""
    mask = np.uint64(len(counters) - 1)
    for row in range(len(starts) - 1):
        ordered = np.sort(hashes[starts[row] : starts[row + 1]])
        for place in range(len(ordered)):
            if place == 0 or ordered[place] != ordered[place - 1]:
                counters[ordered[place] & mask] += 1


@compiled
def _embed(  # noqa: PLR0917 - compiled functions take arrays, not objects
    starts: NDArray[np.int64],
    words: Hashes,
    stems: Hashes,
    word_counts: NDArray[np.uint32],
    stem_counts: NDArray[np.uint32],
    rows: int,
    slots: Hashes,
    held: NDArray[np.int32],
    known: NDArray[np.int8],
    meanings: Floats,
    sketches: Floats,
) -> None:
    """Fill `meanings` and `sketches`, not yet of length 1."""
    word_mask, stem_mask = np.uint64(len(word_counts) - 1), np.uint64(len(stem_counts) - 1)
    slot_mask = np.uint64(len(slots) - 1)
    places = np.uint64(SKETCH - 1)
    for row in range(len(starts) - 1):
        for place in range(starts[row], starts[row + 1]):
            spot = words[place] & slot_mask
            while slots[spot] != 0 and slots[spot] != words[place]:
                spot = (spot + np.uint64(1)) & slot_mask
            if slots[spot]:
                weight = math.log1p(rows / (1.0 + word_counts[words[place] & word_mask]))
                vector = known[held[spot]]
                for axis in range(len(vector)):
                    meanings[row, axis] += np.float32(weight) * vector[axis]
        ordered = np.sort(stems[starts[row] : starts[row + 1]])
        place = 0
        while place < len(ordered):
            stem, first = ordered[place], place
            while place < len(ordered) and ordered[place] == stem:
                place += 1
            weight = math.log1p(rows / (1.0 + stem_counts[stem & stem_mask])) * (1 + math.log(place - first))
            bits = stem * np.uint64(0x9E3779B97F4A7C15)
            for _ in range(_TOUCHED):
                sign = 1.0 if bits & np.uint64(1 << 15) else -1.0
                sketches[row, bits & places] += sign * weight
                bits >>= np.uint64(16)
