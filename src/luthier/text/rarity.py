"""How much a word tells: rare words and figures tell rows apart, common ones do not."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

Bag = Mapping[str, int]
"""Words of one text with their counts."""

_FIGURE = re.compile(r"\d")
_TYPO_RATIO, _TYPO_LETTERS = 0.75, 4


@dataclass(frozen=True)
class Rarity:
    """The weight of every word of a corpus: ln(1 + rows / rows with it); a figure weighs as the rarest word."""

    weights: Mapping[str, float]
    rarest: float

    @classmethod
    def of(cls, bags: Iterable[Bag]) -> "Rarity":
        """Weights from the share of `bags` that hold each word."""
        seen: Counter[str] = Counter()
        rows = 0
        for bag in bags:
            seen.update(bag.keys())
            rows += 1
        return cls({word: math.log1p(rows / count) for word, count in seen.items()}, math.log1p(max(rows, 1)))

    def weight(self, word: str) -> float:
        """How much `word` tells; 0 < weight <= rarest."""
        return self.rarest if has_figure(word) else self.weights.get(word, self.rarest)


def has_figure(word: str) -> bool:
    """Whether `word` holds a digit, so that another one means another thing."""
    return not word.isalpha() and _FIGURE.search(word) is not None


def overlap(one: Bag, other: Bag, rarity: Rarity) -> float:
    """Rarity-weighted Jaccard of two bags in [0, 1]; misspelt words count as far as they are alike."""
    shared = sum(rarity.weight(word) * min(count, other.get(word, 0)) for word, count in one.items())
    left, right = _leftover(one, other), _leftover(other, one)
    apart = sum(map(rarity.weight, left)) + sum(map(rarity.weight, right))
    for word, twin, alike in _misspelt(left, right):
        both = rarity.weight(word) + rarity.weight(twin)
        shared += alike * both / 2
        apart -= alike * both
    return shared / (shared + apart) if shared + apart else 1.0


def _leftover(one: Bag, other: Bag) -> list[str]:
    return [word for word, count in one.items() for _ in range(count - other.get(word, 0))]


def _misspelt(left: Sequence[str], right: Sequence[str]) -> Iterable[tuple[str, str, float]]:
    """Pairs of one word each that look like one word typed twice, and how alike they are."""
    if len(left) * len(right) > 100:
        return
    free = [word for word in right if _can_be_misspelt(word)]
    for word in filter(_can_be_misspelt, left):
        near = [w for w in free if _most_alike(word, w) >= _TYPO_RATIO]  # spares nearly all of the costly comparisons
        alike, twin = max(((SequenceMatcher(None, word, w).ratio(), w) for w in near), default=(0.0, ""))
        if alike >= _TYPO_RATIO:
            free.remove(twin)
            yield word, twin, alike


def _most_alike(one: str, other: str) -> float:
    """What `SequenceMatcher.ratio` is at most: twice the letters that both have, over all letters."""
    total = len(one) + len(other)
    if 2 * min(len(one), len(other)) < _TYPO_RATIO * total:
        return 0.0
    mine, theirs = _letters(one), _letters(other)
    return 2 * sum(min(count, theirs.get(letter, 0)) for letter, count in mine.items()) / total


@lru_cache(maxsize=1 << 16)
def _letters(word: str) -> Bag:
    return Counter(word)


def _can_be_misspelt(word: str) -> bool:
    return len(word) >= _TYPO_LETTERS and not has_figure(word)
