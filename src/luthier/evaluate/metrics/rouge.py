"""ROUGE-1, ROUGE-2 and ROUGE-L, equal to `rouge_score` without its stemmer."""

import re
from functools import lru_cache

from luthier.evaluate.metrics.metric import Attempt, mean

_WORD = re.compile(r"[a-z0-9]+")
Words = tuple[str, ...]
Counts = dict[object, int]


@mean("rouge1")
def rouge1(row: Attempt) -> float:
    """F1 of shared words, which are runs of a-z and 0-9: texts of other scripts have none and score 0.

    Source: Lin, ROUGE, ACL workshop (2004); words as in the package rouge_score, without stemming.
    """
    return rouge_n(row.answer or "", row.example.ideal, 1)


@mean("rouge2")
def rouge2(row: Attempt) -> float:
    """F1 of shared pairs of neighbouring words.

    Source: Lin, ROUGE, ACL workshop (2004); words as in the package rouge_score, without stemming.
    """
    return rouge_n(row.answer or "", row.example.ideal, 2)


@mean("rougeL")
def rouge_l(row: Attempt) -> float:
    """F1 of the longest run of words that both have in the same order, gaps allowed.

    Source: Lin, ROUGE, ACL workshop (2004); words as in the package rouge_score, without stemming.
    """
    return rouge_lcs(row.answer or "", row.example.ideal)


def rouge_n(answer: str, ideal: str, n: int) -> float:
    """F1 over runs of `n` words; 0 where either text has none."""
    got, wanted = _counts(answer, n), _counts(ideal, n)
    few, many = (got, wanted) if len(got) < len(wanted) else (wanted, got)
    shared = sum([min(count, many[key]) for key, count in few.items() if key in many])
    return _f1(shared, max(0, len(words(answer)) - n + 1), max(0, len(words(ideal)) - n + 1))


def rouge_lcs(answer: str, ideal: str) -> float:
    """F1 of the longest common subsequence."""
    got, wanted = words(answer), words(ideal)
    return _f1(longest_common(got, wanted), len(got), len(wanted))


def longest_common(one: Words, other: Words) -> int:
    """Length of the longest common subsequence, a whole row of the table at a time in the bits of one number.

    Source: Hyyro, Bit-Parallel LCS-length Computation Revisited, AWOCA (2004).
    """
    if len(one) > len(other):
        one, other = other, one
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        if spots := places.get(word):
            same = row & spots
            row = ((row + same) | (row - same)) & full
    return len(one) - row.bit_count()


@lru_cache(maxsize=4_096)
def words(text: str) -> Words:
    """The words of a text; kept, as one ideal is compared with many answers and by three metrics."""
    return tuple(_WORD.findall(text.lower()))


@lru_cache(maxsize=4_096)
def _counts(text: str, n: int) -> Counts:
    found = words(text)
    counts: Counts = {}
    for key in found if n == 1 else zip(*(found[start:] for start in range(n)), strict=False):
        counts[key] = counts.get(key, 0) + 1
    return counts


def _f1(shared: int, got: int, wanted: int) -> float:
    return 2 * shared / (got + wanted) if shared else 0.0
