"""Which of very many rows come close to a few: vectors, crowding and a shortlist, one batch of rows at a time.

A bare closeness is of little use: where all rows are about one thing, all are close. So a pair counts by how far it
stands out from the neighbours of both its rows, and an equal answer adds to it as far as that answer is rare.

Source of the contrast: Conneau et al., Word Translation Without Parallel Data (2018), section 2.3 (CSLS).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from luthier.text.embeddings import Counts, Floats, unit, vectors_of
from luthier.text.encoding import Encode
from luthier.text.tokens import Hashes, Tokens, tokens_of

Places = NDArray[np.int64]

SAMPLE = 4_000
_DIGITS = 4
"""A product of matrices differs in the last bits with the size of the batch; the result must not."""
_NEIGHBOURS, _COPY, _CERTAINLY_WORTH, _LEAST = 10, 1.8, 1.5, 0.15
_PER_PROBE, _PER_ROW, _CHUNK, _PRUNE_AT = 40, 2, 1_024, 400_000


class Close(NamedTuple):
    """A probe and a row, how close they are (2 is equal), and how far that stands out."""

    probe: int
    row: int
    closeness: float
    contrast: float


@dataclass
class Corpus:
    """What a project's rows have in common: how rare words and answers are, and an even sample of questions."""

    counts: Counts
    answers: NDArray[np.uint32]
    """How many rows have each answer, in a table of fixed size by the answer's key."""
    sampled: list[str] = field(default_factory=list)
    _order: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls) -> "Corpus":
        """A corpus without rows."""
        return cls(Counts.of([]), np.zeros(1 << 21, dtype=np.uint32))

    def add(self, questions: pa.Array, answers: Hashes) -> None:
        """Count questions and the keys of their answers; which questions are sampled follows from their words."""
        tokens = tokens_of(questions)
        self.counts.add(tokens)
        np.add.at(self.answers, answers & np.uint64(len(self.answers) - 1), 1)
        keys = tokens.in_any_order()
        bar = np.uint64(self._order[-1]) if len(self._order) >= SAMPLE else np.uint64(2**64 - 1)
        chosen = np.flatnonzero(keys <= bar)
        texts = questions.take(pa.array(chosen)).to_pylist()
        both = dict(zip(self._order, self.sampled, strict=True)) | {
            int(keys[place]): text or "" for place, text in zip(chosen, texts, strict=True)
        }
        self._order = sorted(both)[:SAMPLE]
        self.sampled = [both[key] for key in self._order]

    def merge(self, other: "Corpus") -> None:
        """Count the rows of another corpus as if they had been added after those that are counted."""
        self.counts.merge(other.counts)
        self.answers += other.answers
        both = dict(zip(self._order, self.sampled, strict=True)) | dict(zip(other._order, other.sampled, strict=True))
        self._order = sorted(both)[:SAMPLE]
        self.sampled = [both[key] for key in self._order]

    def rows_with(self, answers: Hashes) -> NDArray[np.uint32]:
        """How many rows have each answer."""
        seen: NDArray[np.uint32] = self.answers[answers & np.uint64(len(self.answers) - 1)]
        return seen

    def told_by(self, answers: Hashes) -> Floats:
        """How much it says that two rows share each answer: 0 where all rows have it, 1 where one has."""
        seen = np.maximum(self.rows_with(answers), 1)
        rows = max(self.counts.rows, 2)
        told: Floats = (np.log(rows / np.minimum(seen, rows)) / np.log(rows)).astype(np.float32)
        return told


def vectors_around(tokens: Tokens, counts: Counts, mean: Floats) -> Floats:
    """One line per row, shape [rows, 384]: what it means beyond what all rows mean, and which words it holds."""
    meanings, sketches = vectors_of(tokens, counts)
    known = np.any(meanings, axis=1, keepdims=True)
    return np.hstack([unit(np.where(known, meanings - mean, 0)).astype(np.float32), sketches])


class Space:
    """Questions of one corpus as vectors whose product is their closeness: at most 2, about 0 for strangers."""

    def __init__(self, corpus: Corpus, encode: Encode | None = None) -> None:
        """With an encoder, its vectors tell what questions mean in place of those of their words."""
        self._counts, self._encode = corpus.counts, encode
        sample = pa.array(corpus.sampled, pa.large_string())
        meanings, sketches = vectors_of(tokens_of(sample), corpus.counts)
        self.mean = meanings.mean(axis=0) if len(meanings) else np.zeros(meanings.shape[1], dtype=np.float32)
        if encode and corpus.sampled:
            meanings = unit(encode(corpus.sampled))
        self._center = meanings.mean(axis=0) if len(meanings) else self.mean
        self._sample = np.hstack([unit(meanings - self._center), sketches])

    def vectors(self, tokens: Tokens, questions: pa.Array) -> Floats:
        """One line per row, shape [rows, 384] or [rows, 256 and the encoder's dimensions]; `tokens` of `questions`."""
        if self._encode is None:
            return vectors_around(tokens, self._counts, self.mean)
        _, sketches = vectors_of(tokens, self._counts)
        meanings = unit(self._encode([text or "" for text in questions.to_pylist()])) if len(tokens) else None
        if meanings is None:
            return np.zeros((0, len(self._center) + sketches.shape[1]), dtype=np.float32)
        return np.hstack([unit(meanings - self._center).astype(np.float32), sketches])

    def crowding(self, vectors: Floats) -> Floats:
        """Mean closeness of each line to its nearest in the sample after the very nearest; copies are no crowd."""
        found = [self._crowding(vectors[start : start + _CHUNK]) for start in range(0, len(vectors), _CHUNK)]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)

    def _crowding(self, vectors: Floats) -> Floats:
        count = min(_NEIGHBOURS + 1, len(self._sample))
        if count < 2:
            return np.zeros(len(vectors), dtype=np.float32)
        raw = vectors @ self._sample.T
        raw[raw > _COPY] = 0
        nearest = np.sort(np.partition(raw, -count, axis=1)[:, -count:], axis=1)
        mean: Floats = nearest[:, :-1].mean(axis=1)
        return mean


class Shortlist:
    """The pairs of a probe and a row that are worth a careful look, gathered while the rows go by.

    Each row is kept with its two most promising probes, each probe with its forty most promising rows; pairs so close
    that they must be looked at are all kept.
    """

    def __init__(self, space: Space, probes: Tokens, questions: pa.Array, *, answers: Hashes, told: Floats) -> None:
        """Probes with the keys of their answers, and what it says to share them (`Corpus.told_by`)."""
        self._space = space
        self._probes = space.vectors(probes, questions)
        self._crowding = space.crowding(self._probes)
        self._answers, self._told = answers, told
        self._kept: list[NDArray[np.float64]] = []
        self._waiting = 0

    def look(self, numbers: Places, rows: Tokens, questions: pa.Array, answers: Hashes) -> None:
        """Take in a batch of rows with their numbers."""
        for start in range(0, len(rows), _CHUNK):
            part = Tokens(rows.starts[start : start + _CHUNK + 1], rows.words, rows.stems)
            vectors = self._space.vectors(part, questions[start : start + _CHUNK])
            self._look(numbers[start : start + _CHUNK], vectors, answers[start : start + _CHUNK])
            if self._waiting > _PRUNE_AT:
                self._prune()

    def gathered(self) -> NDArray[np.float64]:
        """What was kept so far, for a shortlist of the same probes that other rows went by."""
        if not self._kept:
            return np.empty((0, 4))
        self._prune()
        return self._kept[0]

    def take(self, gathered: NDArray[np.float64]) -> None:
        """Keep what another shortlist of the same probes gathered from other rows."""
        self._kept.append(gathered)
        self._waiting += len(gathered)

    def pairs(self) -> list[tuple[int, int, float, float]]:
        """Probe, row, closeness, and closeness less half the crowding around the probe."""
        if not self._kept:
            return []
        self._prune()
        return [(int(p), int(r), float(c), float(c - self._crowding[int(p)] / 2)) for p, r, c, _ in self._kept[0]]

    def _look(self, numbers: Places, vectors: Floats, answers: Hashes) -> None:
        close = vectors @ self._probes.T
        promise = close - self._crowding / 2 + self._told * (answers[:, None] == self._answers)
        lines = np.arange(len(promise))
        found = [np.nonzero(close >= _CERTAINLY_WORTH)]
        worth = promise.copy()
        for _ in range(min(_PER_ROW, promise.shape[1])):
            best = worth.argmax(axis=1)
            good = worth[lines, best] >= _LEAST
            found.append((lines[good], best[good]))
            worth[lines, best] = -9
        row, probe = (np.concatenate(part) for part in zip(*found, strict=True))
        told = np.stack([probe, numbers[row], close[row, probe], promise[row, probe]], axis=1)
        self._kept.append(told)
        self._waiting += len(told)

    def _prune(self) -> None:
        kept = np.unique(np.concatenate(self._kept), axis=0)
        order = np.lexsort((-kept[:, 3], kept[:, 0]))
        kept = kept[order]
        starts = np.searchsorted(kept[:, 0], kept[:, 0], side="left")
        rank = np.arange(len(kept)) - starts
        self._kept = [kept[(rank < _PER_PROBE) | (kept[:, 2] >= _CERTAINLY_WORTH)]]
        self._waiting = 0


def with_contrast(
    pairs: Sequence[tuple[int, int, float, float]], space: Space, rows: Sequence[int], questions: pa.Array
) -> list[Close]:
    """The pairs of a shortlist with their contrast; `questions` are those of `rows`, the rows that the pairs name."""
    vectors = space.vectors(tokens_of(questions), questions)
    crowding = dict(zip(rows, space.crowding(vectors).tolist(), strict=True))
    return [Close(probe, row, close, round(apart - crowding[row] / 2, _DIGITS)) for probe, row, close, apart in pairs]
