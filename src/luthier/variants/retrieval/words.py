"""Passages by the words that they share with a question (BM25 over titles and texts), exact and in machine code.

Counted are the words of `text.tokens`, pairs of neighbours, so that a name of two words outweighs its parts, and the
same of stems, so that `refunds` finds `refunded`. Titles and texts, words and stems are fields with rarities and
lengths of their own; what stands in a title counts twice.

Source: Robertson & Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), sections 3.2 and 3.6.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.text.native import compiled
from luthier.text.tokens import Hashes, Tokens

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
Scores = dict[int, float]
"""Place of a passage -> its score, the best first."""
TITLE_BOOST = 2.0
MAX_QUERY_WORDS = 400
_SATURATION, _LENGTH_SHARE = 1.2, 0.75


@dataclass(frozen=True)
class Field:
    """Term n stands in the passages `places[starts[n]:starts[n + 1]]`, in their order, with these weights."""

    terms: Hashes
    starts: Places
    places: NDArray[np.int32]
    weights: Floats

    @classmethod
    def of(cls, tokens: Tokens, *, boost: float = 1.0) -> "Field":
        """The weights of every word and pair of neighbours in every row."""
        rows, terms = _with_pairs(tokens)
        lengths = np.bincount(rows, minlength=len(tokens)).astype(np.float64)
        order = np.lexsort((rows, terms))
        rows, terms = rows[order], terms[order]
        is_new = np.ones(len(terms), dtype=bool)
        is_new[1:] = (terms[1:] != terms[:-1]) | (rows[1:] != rows[:-1])
        first = np.flatnonzero(is_new)
        counts = np.diff(np.append(first, len(terms))).astype(np.float64)
        rows, terms = rows[first], terms[first]
        starts = np.flatnonzero(np.append(True, terms[1:] != terms[:-1])) if len(terms) else np.zeros(0, np.int64)
        held = np.diff(np.append(starts, len(terms)))
        rarity = np.log1p((len(tokens) - held + 0.5) / (held + 0.5))
        usual = 1 - _LENGTH_SHARE + _LENGTH_SHARE * lengths[rows] / max(float(lengths.mean()), 1.0)
        weights = counts * (_SATURATION + 1) / (counts + _SATURATION * usual) * np.repeat(rarity, held) * boost
        return cls(terms[starts], np.append(starts, len(terms)), rows.astype(np.int32), weights.astype(np.float32))

    def add_to(self, scores: Floats, wanted: Hashes) -> None:
        """Add what each passage earns by the wanted terms, each counted once."""
        _add(self.terms, self.starts, self.places, self.weights, wanted, scores)


class Words:
    """All fields of all passages."""

    def __init__(self, titles: Tokens, texts: Tokens, *, common: Tokens | None = None) -> None:
        """With `common`, words that are asked for only where a question holds no other."""
        self._size = len(texts)
        self._common = (common.words, common.stems) if common else (np.zeros(0, np.uint64), np.zeros(0, np.uint64))
        self._fields = (
            (Field.of(texts), Field.of(titles, boost=TITLE_BOOST)),
            (Field.of(_stems(texts)), Field.of(_stems(titles), boost=TITLE_BOOST)),
        )

    def best(self, question: Tokens, count: int) -> Scores:
        """At most `count` passages that share a word, the best first and ties in their order, with their scores."""
        scores = np.zeros(self._size, dtype=np.float32)
        first = _first(question)
        for fields, tokens, common in zip(self._fields, (first, _stems(first)), self._common, strict=True):
            wanted = _asked_for(tokens, common)
            for field in fields:
                field.add_to(scores, wanted)
        return best_of(scores, count)


def best_of(scores: Floats, count: int) -> Scores:
    """At most `count` places with a score above 0 and their scores, the best first, ties in their order."""
    least = np.finfo(np.float32).tiny
    if count < len(scores):
        least = max(np.partition(scores, len(scores) - count)[len(scores) - count], least)
    places = np.flatnonzero(scores >= least)
    places = places[np.argsort(-scores[places], kind="stable")][:count]
    return dict(zip(places.tolist(), scores[places].tolist(), strict=True))


def without(question: Tokens, common: Tokens) -> Tokens:
    """The question without its common words; as it is where it holds no other."""
    told = ~np.isin(question.words, common.words)
    if not told.any():
        return question
    starts = np.array([0, told.sum()], dtype=np.int64)
    return Tokens(starts, question.words[told], question.stems[told])


def _asked_for(question: Tokens, common: Hashes) -> Hashes:
    """The terms of a question; a pair with a common word in it is rare among passages and tells nothing."""
    told = ~np.isin(question.words, common)
    if not told.any():
        return np.unique(_with_pairs(question)[1])
    both = told[1:] & told[:-1]
    return np.unique(np.concatenate([question.words[told], _pairs(question.words[:-1], question.words[1:])[both]]))


def _pairs(left: Hashes, right: Hashes) -> Hashes:
    found: Hashes = (left * np.uint64(0x9E3779B97F4A7C15)) ^ (right >> np.uint64(1))
    return found


def _stems(tokens: Tokens) -> Tokens:
    return Tokens(tokens.starts, tokens.stems, tokens.stems)


def _first(question: Tokens) -> Tokens:
    """The question without what stands after its 400th word."""
    end = min(int(question.starts[-1]), MAX_QUERY_WORDS)
    return Tokens(np.array([0, end], dtype=np.int64), question.words[:end], question.stems[:end])


def _with_pairs(tokens: Tokens) -> tuple[Places, Hashes]:
    """Row and term of every word, then of every pair of neighbours within a row."""
    rows = np.repeat(np.arange(len(tokens), dtype=np.int64), np.diff(tokens.starts))
    words = tokens.words
    together = np.flatnonzero(rows[1:] == rows[:-1])
    pairs = _pairs(words[together], words[together + 1])
    return np.concatenate([rows, rows[together]]), np.concatenate([words, pairs])


@compiled
def _add(  # noqa: PLR0917 - compiled functions take arrays, not objects
    terms: Hashes, starts: Places, places: NDArray[np.int32], weights: Floats, wanted: Hashes, scores: Floats
) -> None:
    for term in wanted:
        spot = np.searchsorted(terms, term)
        if spot < len(terms) and terms[spot] == term:
            for at in range(starts[spot], starts[spot + 1]):
                scores[places[at]] += weights[at]
