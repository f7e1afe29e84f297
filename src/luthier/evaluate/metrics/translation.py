"""BLEU and chrF, equal to sacrebleu's defaults, from counts that can be resampled."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from luthier.domain.resampling import Floats
from luthier.evaluate.metrics.metric import Attempt, mean
from luthier.evaluate.metrics.pooled import Pair, Pooled

ORDERS, CHARACTERS, BETA = 4, 6, 2
_PUNCTUATION = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ENTITIES = (("<skipped>", ""), ("-\n", ""), ("\n", " "), ("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def bleu_tallies(pairs: Sequence[Pair]) -> Floats:
    """Per row: shared and all runs of 1 to 4 tokens, then both lengths; shape [rows, 10]."""
    return np.array([_bleu_row(answer or "", ideal) for answer, ideal in pairs], dtype=np.float64)


def bleu_of(sums: Floats) -> Floats:
    """BLEU in [0, 1] of each line of sums, orders without a match smoothed by halving (NIST)."""
    return _bleu(sums, effective=False)


def chrf_tallies(pairs: Sequence[Pair]) -> Floats:
    """Per row and for runs of 1 to 6 characters: in the answer, in the ideal, in both; shape [rows, 18]."""
    return np.array([_chrf_row(answer or "", ideal) for answer, ideal in pairs], dtype=np.float64)


def chrf_of(sums: Floats) -> Floats:
    """chrF2 in [0, 1] of each line of sums; orders that neither text reaches do not count."""
    got, wanted, shared = (sums[:, place::3] for place in range(3))
    there = (got > 0) & (wanted > 0)
    orders = np.maximum(there.sum(axis=1), 1)
    precision = (np.divide(shared, got, out=np.zeros_like(shared), where=there)).sum(axis=1) / orders
    recall = (np.divide(shared, wanted, out=np.zeros_like(shared), where=there)).sum(axis=1) / orders
    below = BETA**2 * precision + recall
    found: Floats = np.divide((1 + BETA**2) * precision * recall, below, out=np.zeros_like(below), where=below > 0)
    return found


@mean("bleu", pooled=Pooled(bleu_tallies, bleu_of))
def bleu(row: Attempt) -> float:
    """Corpus BLEU-4 between 0 and 1, tokens as in mteval-v13a; a row's own score is its sentence BLEU.

    Source: Papineni et al., ACL (2002); tokens, smoothing and sentence scores as sacrebleu's defaults (Post, WMT 2018).
    """
    return float(_bleu(bleu_tallies([(row.answer, row.example.ideal)]), effective=True)[0])


@mean("chrf", pooled=Pooled(chrf_tallies, chrf_of))
def chrf(row: Attempt) -> float:
    """Corpus chrF2 between 0 and 1: F2 of shared runs of 1 to 6 characters, spaces left out.

    Source: Popovic, chrF, WMT (2015); averaging as sacrebleu's defaults.
    """
    return float(chrf_of(chrf_tallies([(row.answer, row.example.ideal)]))[0])


def tokens_13a(text: str) -> list[str]:
    """Tokens of the script mteval-v13a: marks apart, numbers whole."""
    for written, meant in _ENTITIES:
        text = text.replace(written, meant)
    text = f" {text} "
    for found, instead in _PUNCTUATION:
        text = found.sub(instead, text)
    return text.split()


def _bleu_row(answer: str, ideal: str) -> list[int]:
    got, wanted = tokens_13a(answer.rstrip()), tokens_13a(ideal.rstrip())
    shared = [_shared(_runs(got, n), _runs(wanted, n)) for n in range(1, ORDERS + 1)]
    every = [max(0, len(got) - n + 1) for n in range(1, ORDERS + 1)]
    return [*shared, *every, len(got), len(wanted)]


def _chrf_row(answer: str, ideal: str) -> list[int]:
    got, wanted = "".join(answer.split()), "".join(ideal.split())
    found = []
    for n in range(1, CHARACTERS + 1):
        ours, theirs = _runs(got, n), _runs(wanted, n)
        found += [ours.total() if theirs else 0, theirs.total(), _shared(ours, theirs)]
    return found


def _bleu(sums: Floats, *, effective: bool) -> Floats:
    shared, every = sums[:, :ORDERS], sums[:, ORDERS : 2 * ORDERS]
    got, wanted = sums[:, -2], sums[:, -1]
    missed = np.cumsum((shared == 0) & (every > 0), axis=1)
    safe = np.maximum(every, 1)
    precision = np.where(shared > 0, shared / safe, 0.5**missed / safe)
    counted = every > 0
    orders = np.maximum(counted.sum(axis=1), 1) if effective else np.full(len(sums), ORDERS)
    mean_log = np.where(counted, np.log(precision), 0.0).sum(axis=1) / orders
    brevity = np.where(got < wanted, np.exp(np.minimum(0.0, 1 - wanted / np.maximum(got, 1))), 1.0)
    whole = counted.all(axis=1) if not effective else counted.any(axis=1)
    found: Floats = np.where(whole & (shared.sum(axis=1) > 0), np.exp(mean_log) * brevity, 0.0)
    return found


def _runs(items: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(items[start:] for start in range(n)), strict=False))


def _shared(one: Counter[tuple[str, ...]], other: Counter[tuple[str, ...]]) -> int:
    return sum([min(count, other[run]) for run, count in one.items() if run in other])
