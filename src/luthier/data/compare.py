"""Rows side by side: the forms in which questions and answers are compared, and which pairs are worth comparing."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from luthier.data.asked import Asked
from luthier.data.plain import call_of, plain_words
from luthier.domain.digests import canonical_json
from luthier.domain.examples import Example
from luthier.domain.value import Json
from luthier.text.normalise import fold
from luthier.text.rarity import Rarity, has_figure, overlap
from luthier.text.shingles import Keys, band_keys, candidate_pairs
from luthier.text.similarity import Corpus
from luthier.text.tokens import Hashes, tokens_of

Fetch = Callable[[NDArray[np.int64]], Sequence[Example]]
"""Reads the few rows that a careful look is worth, in the order of the numbers given."""


@dataclass(frozen=True)
class Side:
    """One row as it is compared: the question without the system prompt, and the answer in one form."""

    row: Example

    @cached_property
    def asked(self) -> str:
        """All that was said before the answer, except by the system."""
        return "\n".join(message.content for message in self.row.question if message.role != "system")

    @cached_property
    def briefed(self) -> str:
        """The system prompt without differences in case and spacing; empty where there is none."""
        return fold("\n".join(message.content for message in self.row.question if message.role == "system"))

    @cached_property
    def folded(self) -> str:
        """The question without differences in case and spacing."""
        return fold(self.asked)

    @cached_property
    def words(self) -> list[str]:
        """The words of the question, figures in one form, without the polite ones."""
        return plain_words(self.asked)

    @cached_property
    def bag(self) -> Counter[str]:
        """The words of the question with their counts."""
        return Counter(self.words)

    @cached_property
    def call(self) -> Json | None:
        """The answer as JSON in one form, where it is an object or a list."""
        return call_of(self.row.ideal)

    @cached_property
    def answer(self) -> str:
        """The answer in a form that is equal for equal meaning as far as form goes."""
        if self.call is not None:
            return canonical_json(self.call).decode()
        return " ".join(plain_words(self.row.ideal)) or fold(self.row.ideal)

    @cached_property
    def answer_bag(self) -> Counter[str]:
        """The words of the answer with their counts."""
        return Counter(plain_words(self.row.ideal))


class Sides:
    """Rows ready to be compared, with the rarity of words among all of them."""

    def __init__(self, rows: Sequence[Example]) -> None:
        self.sides = [Side(row) for row in rows]
        self.rarity = Rarity.of(side.bag for side in self.sides)

    @cached_property
    def asked(self) -> Asked:
        """All rows as columns."""
        return Asked.of([side.asked for side in self.sides], [side.row.ideal for side in self.sides])

    @cached_property
    def question_keys(self) -> Hashes:
        """A key per row, equal for questions with the same words, polite ones aside."""
        return tokens_of(self.asked.questions).in_any_order()

    @cached_property
    def corpus(self) -> Corpus:
        """What all rows have in common."""
        corpus = Corpus.empty()
        corpus.add(self.asked.questions, self.asked.answers)
        return corpus

    def places(self, rows: Sequence[Example]) -> list[int]:
        """Where each of `rows` stands."""
        place = {side.row.id: number for number, side in enumerate(self.sides)}
        return [place[row.id] for row in rows]

    def fetch(self, rows: NDArray[np.int64]) -> list[Example]:
        """The rows at these places."""
        return [self.sides[row].row for row in rows.tolist()]

    @cached_property
    def close_pairs(self) -> list[tuple[int, int]]:
        """Pairs of places, lower first, that may be alike."""
        return [(int(one), int(other)) for one, other in candidate_pairs(self._keys)]

    def close_pairs_across(self, some: Collection[int]) -> list[tuple[int, int]]:
        """Pairs of one place in `some` and one that is not, in this order, that may be alike."""
        inside = np.zeros(len(self.sides), dtype=np.bool_)
        inside[list(some)] = True
        pairs = [(int(one), int(other)) for one, other in candidate_pairs(self._keys, inside)]
        return [(one, other) if inside[one] else (other, one) for one, other in pairs]

    @cached_property
    def _keys(self) -> Keys:
        return band_keys([side.bag for side in self.sides], self.rarity)

    def overlap(self, one: Side, other: Side) -> float:
        """How far two questions share their telling words, in [0, 1]."""
        return overlap(one.bag, other.bag, self.rarity)

    def same_answer(self, one: Side, other: Side, threshold: float) -> bool:
        """Whether two answers say the same."""
        return same_answer(one, other, self.rarity, threshold)


def same_answer(one: Side, other: Side, rarity: Rarity, threshold: float) -> bool:
    """Whether two answers say the same: equal calls and labels, or texts that nearly agree, figures included."""
    return one.answer == other.answer or answer_overlap(one, other, rarity) >= threshold


def answer_overlap(one: Side, other: Side, rarity: Rarity) -> float:
    """How far two answers agree, in [0, 1]; calls and labels that differ at all, and other figures, do not."""
    if one.answer == other.answer:
        return 1.0
    if one.call is not None or other.call is not None or min(len(one.answer_bag), len(other.answer_bag)) < 6:
        return 0.0
    if figures_of(one.answer_bag) != figures_of(other.answer_bag):
        return 0.0
    return overlap(one.answer_bag, other.answer_bag, rarity)


def figures_of(bag: Counter[str]) -> dict[str, int]:
    """The words with a digit."""
    return {word: count for word, count in bag.items() if has_figure(word)}


def difference(one: Counter[str], other: Counter[str]) -> set[str]:
    """Words that only one of two bags holds, or holds more often."""
    return set(one - other) | set(other - one)
