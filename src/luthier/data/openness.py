"""Whether answers follow from questions at all, learned from the rows; and which answers nobody would expect.

In dialogues the reply depends on more than what was said: a menu, a person's mood. There, two answers to one question
that share no word are no contradiction. It shows where many rows ask the same: when such crowds give answers that have
nothing to do with each other, the set is open, and only an answer that no neighbouring question gets stands out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from luthier.data.compare import Fetch, Side
from luthier.domain.examples import Example
from luthier.text.embeddings import Counts, Floats, unit, vectors_of
from luthier.text.similarity import Space
from luthier.text.tokens import Hashes, tokens_of

Pairs = NDArray[np.int64]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CROWD = 3
"""A pair belongs to a crowd where one of its rows is answered differently by so many others; plants rarely are."""
_FEWEST, _SHARE = 10, 0.1
"""Crowded pairs from which a judgement is made, and the share of strangers from which a set is open. Measured shares:
Taskmaster 16% of dialogues, 37% of first requests; STAR 44% of first requests; MedQuAD 0 of 14 pairs."""
_SAMPLE, _NEIGHBOURS, _EXPECTED, _DIGITS, _AT_ONCE, _OWN = 4_000, 20, 0.7, 4, 1_024, -9.0


@dataclass(frozen=True)
class Openness:
    """Of the pairs of rows in crowds that ask the same and answer differently, how many answers share nothing."""

    crowded: int
    strange: int

    @property
    def is_open(self) -> bool:
        """Whether answers do not follow from questions."""
        return self.crowded >= _FEWEST and self.strange >= _SHARE * self.crowded

    @property
    def sentence(self) -> str:
        """The same for a person."""
        return (
            f"Answers do not follow from questions here: where many rows ask the same, {self.strange} of "
            f"{self.crowded} pairs of answers have nothing in common, so the reply depends on more than the row shows; "
            "only contradictions that stand out were counted."
        )


class Expected:
    """A sample of rows that tells which answers questions of a kind usually get."""

    def __init__(self, numbers: Rows, rows: Sequence[Example], space: Space, counts: Counts) -> None:
        """Rows of one corpus with their numbers."""
        self._numbers, self._space, self._counts = numbers, space, counts
        meanings, sketches = self._said(rows)
        self._mean = meanings.mean(axis=0, dtype=np.float32)
        self._questions = self._asked(rows)
        self._answers = np.hstack([unit(meanings - self._mean), sketches])

    @staticmethod
    def sample(questions: Hashes) -> Rows:
        """The places of 4,000 rows at most, the same however the rows are ordered, ascending."""
        chosen: Rows = np.sort(np.argsort(questions, kind="stable")[:_SAMPLE])
        return chosen

    def likeness(self, pairs: Pairs, fetch: Fetch) -> Floats:
        """How close both answers of each pair come to what neighbours of their question get; the lesser, up to 2."""
        found = [self._likeness(pairs[at : at + _AT_ONCE], fetch) for at in range(0, len(pairs), _AT_ONCE)]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)

    def _likeness(self, pairs: Pairs, fetch: Fetch) -> Floats:
        one, other = fetch(pairs[:, 0]), fetch(pairs[:, 1])
        best = [self._best(asked, answered, pairs) for asked, answered in ((other, one), (one, other))]
        least: Floats = np.minimum(*best)
        return least

    def _best(self, asked: Sequence[Example], answered: Sequence[Example], pairs: Pairs) -> Floats:
        """Of each answer the closest among those of its question's neighbours, its own pair aside."""
        close = np.round(self._asked(asked) @ self._questions.T, _DIGITS)
        close[(self._numbers == pairs[:, :1]) | (self._numbers == pairs[:, 1:])] = _OWN
        nearest = np.argsort(-close, axis=1, kind="stable")[:, :_NEIGHBOURS]
        meanings, sketches = self._said(answered)
        alike = np.round(np.hstack([unit(meanings - self._mean), sketches]) @ self._answers.T, _DIGITS)
        best: Floats = np.take_along_axis(np.where(close == _OWN, _OWN, alike), nearest, axis=1).max(axis=1)
        return best

    def _asked(self, rows: Sequence[Example]) -> Floats:
        questions = pa.array([Side(row).asked for row in rows], pa.large_string())
        return self._space.vectors(tokens_of(questions), questions)

    def _said(self, rows: Sequence[Example]) -> tuple[Floats, Floats]:
        """Meanings and sketches of the answers."""
        return vectors_of(tokens_of(pa.array([row.ideal for row in rows], pa.large_string())), self._counts)


def openness(worded: Pairs, texts: Pairs, strange: Mask) -> Openness:
    """How far answers follow from questions.

    Args:
        worded: Pairs that ask the same and only word their answers differently.
        texts: Pairs that ask the same and whose answers, texts both, conflict.
        strange: Which of the latter have nothing to do with each other.

    """
    crowded = _degrees(np.concatenate([worded, texts])) >= _CROWD
    return Openness(crowded=int(crowded.sum()), strange=int((crowded[len(worded) :] & strange).sum()))


def that_stand_out(worded: Pairs, texts: Pairs, fetch: Fetch, expected: Expected) -> Mask:
    """Which of the conflicting pairs nobody else asks like, and hold an answer that no neighbouring question gets."""
    kept: Mask = _degrees(np.concatenate([worded, texts]))[len(worded) :] == 1
    alone = np.flatnonzero(kept)
    kept[alone] = expected.likeness(texts[alone], fetch) < _EXPECTED
    return kept


def _degrees(pairs: Pairs) -> Rows:
    """For each pair the greater number of pairs that one of its rows is in."""
    if not len(pairs):
        return np.zeros(0, dtype=np.int64)
    _, places, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    degrees: Rows = counts[places.reshape(-1, 2)].max(axis=1)
    return degrees
