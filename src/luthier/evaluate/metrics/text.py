"""Metrics of any text: equal, overlapping, there at all."""

import json
import unicodedata
from collections import Counter

from luthier.domain.calls import canonical_call
from luthier.evaluate.metrics.metric import Attempt, mean, share


@share("exact_match")
def exact_match(row: Attempt) -> bool:
    """Whether the answer equals the ideal: as JSON where the ideal is an object or array, else as folded text.

    Folding ignores case, spacing and Unicode compatibility forms. JSON ignores key order and spacing only: the
    values must be the same to the letter.
    """
    return row.answer is not None and same(row.answer, row.example.ideal)


@mean("f1")
def f1(row: Attempt) -> float:
    """Harmonic mean of token precision and recall; two texts without a token are equal.

    Source: Rajpurkar et al., SQuAD (2016), section 6.1, without its dropping of articles and punctuation marks,
    which carry meaning in other tasks; marks are tokens of their own.
    """
    return 0.0 if row.answer is None else overlap(Counter(tokens(row.answer)), Counter(tokens(row.example.ideal)))


@share("answered")
def answered(row: Attempt) -> bool:
    """Whether there is any answer at all."""
    return bool((row.answer or "").strip())


def same(answer: str, ideal: str) -> bool:
    """Whether two texts are equal: as JSON where the second is an object or array, else once folded."""
    if is_structured(ideal):
        return canonical_call(answer) == canonical_call(ideal)
    return fold(answer) == fold(ideal)


def fold(text: str) -> str:
    """The text without differences of case, spacing and Unicode compatibility form."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())  # folding case can undo the form


def tokens(text: str) -> list[str]:
    """Runs of letters and digits, and every other mark by itself, of the folded text."""
    found: list[str] = []
    for word in fold(text).split():
        start = 0
        for end, mark in enumerate(word):
            if not (mark.isalnum() or unicodedata.category(mark).startswith("M")):
                found += [piece for piece in (word[start:end], mark) if piece]
                start = end + 1
        if start < len(word):
            found.append(word[start:])
    return found


def is_structured(text: str) -> bool:
    """Whether the text is a JSON object or array."""
    canonical = canonical_call(text)
    return canonical is not None and isinstance(json.loads(canonical), (dict, list))


def overlap(got: Counter[str], wanted: Counter[str]) -> float:
    """F1 of two bags of things; two empty bags agree, one empty bag never does."""
    if not got and not wanted:
        return 1.0
    common = (got & wanted).total()
    return 2 * common / (got.total() + wanted.total())
