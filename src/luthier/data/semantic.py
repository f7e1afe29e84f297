"""Rows that ask the same in other words and teach the same answer: shown in clusters, for a person to decide."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.data.asked import Asked
from luthier.data.compare import Fetch, Side, Sides
from luthier.data.watch import rarity_among
from luthier.text.rephrasing import Wording, coverage
from luthier.text.similarity import Corpus, Space
from luthier.text.tokens import Hashes, tokens_of

Rows = NDArray[np.int64]
Signed = NDArray[np.int8]

_CLOSE, _COVERED, _SCALE = 1.25, 0.8, 90
_GROUP, _CHUNK, _PER_ROW, _MOST = 20_000, 1_024, 3, 60_000


class Same(NamedTuple):
    """Two rows, the lower first, and how far the words of each cover the other's."""

    first: int
    second: int
    covered: float


class Semantic:
    """Rows whose answer another row has too, as vectors in bytes (384 a row), while all rows go by."""

    def __init__(self, corpus: Corpus) -> None:
        """For the rows of a corpus."""
        self._corpus, self._space = corpus, Space(corpus)
        self._rows: list[Rows] = []
        self._answers: list[Hashes] = []
        self._vectors: list[Signed] = []

    def look(self, rows: Rows, batch: Asked) -> None:
        """Take in rows with their numbers, ascending."""
        shared = np.flatnonzero(self._corpus.rows_with(batch.answers) > 1)
        some = batch.take(shared)
        vectors = self._space.vectors(tokens_of(some.questions))
        self._rows.append(rows[shared])
        self._answers.append(some.answers)
        self._vectors.append(np.rint(np.clip(vectors * _SCALE, -127, 127)).astype(np.int8))

    def found(self, fetch: Fetch) -> list[Same]:
        """Pairs that say the same, by row; at most the 60,000 closest pairs are looked at.

        Groups of more than 20,000 rows with one answer are compared in slices of that size.
        """
        pairs = sorted(self._close(), reverse=True)[:_MOST]
        numbers = np.unique(np.array([pair[1:] for pair in pairs], dtype=np.int64))
        sides = dict(zip(numbers.tolist(), map(Side, fetch(numbers)), strict=True))
        rarity = rarity_among(self._corpus.counts, sides.values())
        words = {number: Wording(tuple(side.words)) for number, side in sides.items()}
        found = []
        for _, first, second in pairs:
            one, other = words[first], words[second]
            if one.words and other.words and one.figures == other.figures and one.denies == other.denies:
                covered = min(coverage(one, other, rarity))
                if covered >= _COVERED:
                    found.append(Same(first, second, round(covered, 4)))
        return sorted(found)

    def _close(self) -> Iterator[tuple[float, int, int]]:
        if not self._rows:
            return
        rows, answers = np.concatenate(self._rows), np.concatenate(self._answers)
        vectors = np.concatenate(self._vectors)
        order = np.argsort(answers, kind="stable")
        edges = np.flatnonzero(np.r_[True, answers[order][1:] != answers[order][:-1], True]) if len(order) else order
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            for part in range(start, end, _GROUP):
                group = order[part : min(part + _GROUP, end)]
                if len(group) > 1:
                    yield from _close_in_group(rows[group], vectors[group].astype(np.float32) / np.float32(_SCALE))


def _close_in_group(rows: Rows, vectors: NDArray[np.float32]) -> Iterator[tuple[float, int, int]]:
    """Of each row its three closest later rows, where they are close."""
    for start in range(0, len(rows), _CHUNK):
        close = vectors[start : start + _CHUNK] @ vectors[start:].T
        close[np.tril_indices_from(close)] = 0
        lines = np.arange(len(close))
        for _ in range(min(_PER_ROW, close.shape[1])):
            best = close.argmax(axis=1)
            good = np.flatnonzero(close[lines, best] >= _CLOSE)
            for line in good.tolist():
                yield float(close[line, best[line]]), int(rows[start + line]), int(rows[start + best[line]])
            close[lines, best] = 0


def clusters(pairs: list[Same]) -> dict[int, tuple[int, ...]]:
    """The first row of each cluster -> the others, ascending; rows are linked through one another."""
    head: dict[int, int] = {}

    def top(row: int) -> int:
        while (above := head.get(row, row)) != row:
            row = above
        return row

    for pair in pairs:
        low, high = sorted((top(pair.first), top(pair.second)))
        head[high] = low
    found: dict[int, list[int]] = {}
    for row in sorted(head):
        found.setdefault(top(row), []).append(row)
    return {first: tuple(row for row in rows if row != first) for first, rows in sorted(found.items())}


def semantic_duplicates(sides: Sides) -> list[Same]:
    """Pairs of `sides` that say the same, by place."""
    semantic = Semantic(sides.corpus)
    semantic.look(np.arange(len(sides.sides)), sides.asked)
    return semantic.found(sides.fetch)
