"""Rows that ask the same in other words and teach the same answer: shown in clusters, for a person to decide."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.data.asked import Asked
from luthier.data.compare import Fetch, Side, Sides
from luthier.data.watch import rarity_among
from luthier.text.embeddings import Counts, Floats
from luthier.text.rephrasing import Wording, all_told, coverage
from luthier.text.similarity import Space, vectors_around
from luthier.text.tokens import Hashes, tokens_of

Rows = NDArray[np.int64]

THRESHOLD = 0.8
_CLOSE, _DIGITS = 1.25, 4
_GROUP, _CHUNK, _PER_ROW, _MOST = 8_000, 1_024, 3, 60_000


class Same(NamedTuple):
    """Two rows, the lower first, and how far the words of each cover the other's."""

    first: int
    second: int
    covered: float


def groups_of(rows: Rows, answers: Hashes) -> list[Rows]:
    """Rows whose answer another row has too, those of one answer together, in portions of 8,000 rows at most.

    Rows of one answer in different portions are not compared, where more than 8,000 have it.

    Args:
        rows: Numbers of rows, ascending.
        answers: The key of each one's answer.

    """
    order = np.argsort(answers, kind="stable")
    edges = np.flatnonzero(np.r_[True, answers[order][1:] != answers[order][:-1], True]) if len(order) else order
    portions: list[list[Rows]] = []
    room = 0
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        for part in range(start, end, _GROUP):
            group = rows[order[part : min(part + _GROUP, end)]]
            if len(group) < 2:
                continue
            if len(group) > room:
                portions.append([])
                room = _GROUP
            portions[-1].append(group)
            room -= len(group)
    return [np.concatenate(portion) for portion in portions]


def same_among(rows: Rows, asked: Asked, fetch: Fetch, counts: Counts, mean: Floats, *, threshold: float) -> list[Same]:
    """Pairs of `rows` that say the same, in order; of each row its three closest later rows are looked at.

    Args:
        rows: Numbers of rows; those of one answer stand together and ascend, as `groups_of` gives them.
        asked: Their questions and answers.
        fetch: Reads rows by number.
        counts: How rare words are in the corpus.
        mean: What all questions mean (`Space.mean`).
        threshold: Share of the telling words of each question that the other must cover.

    """
    vectors = vectors_around(tokens_of(asked.questions), counts, mean)
    edges = np.flatnonzero(np.r_[True, asked.answers[1:] != asked.answers[:-1], True])
    close = [
        pair
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        for pair in _close(rows[start:end], vectors[start:end])
    ]
    pairs = [(first, second) for _, first, second in sorted(close, key=lambda pair: (-pair[0], *pair[1:]))[:_MOST]]
    return sorted(_judged(pairs, fetch, counts, threshold))


def clusters(pairs: Sequence[Same]) -> dict[int, tuple[int, ...]]:
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


def semantic_duplicates(sides: Sides, *, threshold: float = THRESHOLD) -> list[Same]:
    """Pairs of `sides` that say the same, by place."""
    mean, counts = Space(sides.corpus).mean, sides.corpus.counts
    found: list[Same] = []
    for rows in groups_of(np.arange(len(sides.sides)), sides.asked.answers):
        found += same_among(rows, sides.asked.take(rows), sides.fetch, counts, mean, threshold=threshold)
    return sorted(found)


def _close(rows: Rows, vectors: Floats) -> Iterator[tuple[float, int, int]]:
    """Of each row its three closest later rows, where they are close."""
    for start in range(0, len(rows), _CHUNK):
        close = np.round(vectors[start : start + _CHUNK] @ vectors[start:].T, _DIGITS)
        close[np.tril_indices_from(close)] = 0
        lines = np.arange(len(close))
        for _ in range(min(_PER_ROW, close.shape[1])):
            best = close.argmax(axis=1)
            good = np.flatnonzero(close[lines, best] >= _CLOSE)
            if not len(good):
                break
            for line in good.tolist():
                yield float(close[line, best[line]]), int(rows[start + line]), int(rows[start + best[line]])
            close[lines, best] = 0


def _judged(pairs: Sequence[tuple[int, int]], fetch: Fetch, counts: Counts, threshold: float) -> Iterator[Same]:
    """The pairs with the same figures and denials whose words cover each other."""
    numbers = np.unique(np.array(pairs, dtype=np.int64))
    sides = dict(zip(numbers.tolist(), map(Side, fetch(numbers)), strict=True))
    rarity = rarity_among(counts, sides.values())
    words = {number: Wording(tuple(side.words)) for number, side in sides.items()}
    for first, second in pairs:
        one, other = words[first], words[second]
        if one.words and other.words and one.figures == other.figures and one.denies == other.denies:
            covered = min(coverage(one, other, rarity))
            if covered >= threshold and all_told(one, other, rarity):
                yield Same(first, second, round(covered, _DIGITS))
