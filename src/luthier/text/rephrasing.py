"""How likely it is that two questions with their answers are one question put in two ways.

The words of one are laid beside those of the other: equal words, words of one stem and words of like meaning cover
each other. A logistic model weighs that with the contrast of their vectors and with an equal answer;
`models/embedder/weigh.py` fits it.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.text.embeddings import Floats, word_vectors
from luthier.text.rarity import Rarity, has_figure, overlap
from luthier.text.tokens import STEM

DENIALS = frozenset(
    "no not never none cannot can't don't doesn't won't isn't aren't wasn't weren't didn't couldn't wouldn't shouldn't "  # noqa: SIM905
    "hasn't haven't hadn't without nobody nothing nicht kein keine keinen nie niemals ohne niet geen nooit "
    "zonder".split()
)
_LIKE, _STEM_LIKE, _MEANS_LIKE = 0.25, 0.9, 0.9
_TELLING, _COUNTERPART = 0.5, 0.4
"""A word tells something where it weighs half of the heaviest; from this likeness on another one is its counterpart."""


@dataclass(frozen=True)
class Wording:
    """The words of a question that tell something, in order."""

    words: tuple[str, ...]

    @cached_property
    def bag(self) -> Counter[str]:
        """Words with their counts."""
        return Counter(self.words)

    @cached_property
    def figures(self) -> frozenset[str]:
        """Words with a digit."""
        return frozenset(filter(has_figure, self.words))

    @cached_property
    def denies(self) -> bool:
        """Whether a word of denial stands in it."""
        return not DENIALS.isdisjoint(self.words)

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """The first letters of every word, and figures as they are."""
        return tuple(word if has_figure(word) else word[:STEM] for word in self.words)

    @cached_property
    def places(self) -> Mapping[str, list[int]]:
        """Where each stem stands."""
        found: dict[str, list[int]] = {}
        for place, stem in enumerate(self.stems):
            found.setdefault(stem, []).append(place)
        return found

    @cached_property
    def meanings(self) -> Floats:
        """A vector of length 1 per word, 0 for unknown ones."""
        known = word_vectors()
        empty = np.zeros(known.vectors.shape[1], dtype=np.int8)
        found = [vector if (vector := known.of(word)) is not None else empty for word in self.words]
        return np.stack(found).astype(np.float32) / np.float32(127)


class Likeness(NamedTuple):
    """What is known of a pair."""

    contrast: float
    covered: float
    """Share of the weight of one question's words that the other covers; the greater of both directions."""
    other_figures: float
    """1 where they state different figures."""
    answer_told: float
    """1 where the answers are equal and nobody else has them, 0 where they differ or everybody has them."""
    overlap: float
    """Shared telling words, in [0, 1]; the model leaves it out."""
    answer_overlap: float
    """How far the answers agree, in [0, 1]; the model leaves it out."""


WEIGHTS: Mapping[str, float] = {"contrast": 4.74, "covered": 3.1, "other_figures": -1.13, "answer_told": 9.0}
BIAS = -5.75


def likeness(
    one: Wording, other: Wording, rarity: Rarity, *, contrast: float, answer_told: float, answer_overlap: float
) -> Likeness:
    """The features of two questions, neither without words; the last three as `Likeness` says."""
    return Likeness(
        contrast=contrast,
        covered=max(coverage(one, other, rarity)),
        other_figures=float(one.figures != other.figures),
        answer_told=answer_told,
        overlap=overlap(one.bag, other.bag, rarity),
        answer_overlap=answer_overlap,
    )


def chance(found: Likeness) -> float:
    """The model's word in (0, 1); the bias puts 0.35 where few rows of text without look-alikes get by themselves."""
    told = BIAS + sum(weight * getattr(found, name) for name, weight in WEIGHTS.items())
    return 1 / (1 + math.exp(-told))


def most(contrast: float, answer_told: float) -> float:
    """The greatest chance that a pair of this contrast and this answer can have, whatever its words."""
    return chance(Likeness(contrast, 1.0, 0.0, answer_told, 1.0, 1.0))


def coverage(one: Wording, other: Wording, rarity: Rarity) -> tuple[float, float]:
    """Which share of the weight of each question's words the other one covers."""
    like, mine, theirs = _words_alike(one, other), _weights(one, rarity), _weights(other, rarity)
    return float(like.max(axis=1) @ mine / mine.sum()), float(like.max(axis=0) @ theirs / theirs.sum())


def all_told(one: Wording, other: Wording, rarity: Rarity) -> bool:
    """Whether each word of either question that tells something has a counterpart in the other.

    Two orders that differ in the thing ordered share all but one of their words, and are two orders.
    """
    like, mine, theirs = _words_alike(one, other), _weights(one, rarity), _weights(other, rarity)
    telling = _TELLING * max(mine.max(), theirs.max())
    return bool((like.max(axis=1)[mine >= telling] >= _COUNTERPART).all()) and bool(
        (like.max(axis=0)[theirs >= telling] >= _COUNTERPART).all()
    )


def _words_alike(one: Wording, other: Wording) -> Floats:
    """How far each word of one covers each of the other, in [0, 1]."""
    like: Floats = np.clip((one.meanings @ other.meanings.T - _LIKE) / (1 - _LIKE), 0, 1) * _MEANS_LIKE
    for row, (word, stem) in enumerate(zip(one.words, one.stems, strict=True)):
        for column in other.places.get(stem, ()):
            like[row, column] = 1.0 if word == other.words[column] else _STEM_LIKE
    return like


def _weights(wording: Wording, rarity: Rarity) -> NDArray[np.float64]:
    return np.array([rarity.weight(word) for word in wording.words])
