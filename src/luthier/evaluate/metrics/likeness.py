"""BERTScore with word vectors that come with Luthier: each word is matched with the one most like it."""

import numpy as np
from numpy.typing import NDArray

from luthier.evaluate.metrics.metric import Attempt, mean
from luthier.evaluate.metrics.text import tokens
from luthier.text.embeddings import unit, word_vectors

ENCODER = "the 128-dimensional word vectors of the package"


@mean("bertscore")
def bertscore(row: Attempt) -> float:
    """F1 of the likeness of each word to the nearest one of the other text, by the word vectors of the package.

    The vectors stand for words alone, not for words in their sentence as a transformer's do: figures are lower and
    less telling than those of the package bert_score with an encoder, and are not to be set beside them. A word that
    has no vector is like itself only. A likeness below 0 counts as 0.
    Source: Zhang et al., BERTScore, ICLR (2020), without its rescaling and weights.
    """
    got, wanted = tokens(row.answer or ""), tokens(row.example.ideal)
    if not got or not wanted:
        return float(got == wanted and row.answer is not None)
    return greedy_f1(likeness(got, wanted))


def greedy_f1(alike: NDArray[np.float64]) -> float:
    """F1 of the best match of every line and of every column."""
    recall, precision = float(alike.max(axis=0).mean()), float(alike.max(axis=1).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def likeness(one: list[str], other: list[str]) -> NDArray[np.float64]:
    """Cosine of every two words between 0 and 1, shape [words of one, words of other]; 1 for the same word."""
    same = np.array([[left == right for right in other] for left in one], dtype=np.float64)
    cosines = np.clip(_lines(one) @ _lines(other).T, 0.0, 1.0)
    both: NDArray[np.float64] = np.maximum(same, cosines)
    return both


def _lines(words: list[str]) -> NDArray[np.float64]:
    known = word_vectors()
    empty = np.zeros(known.vectors.shape[1])
    raw = np.array([empty if (vector := known.of(word)) is None else vector for word in words], dtype=np.float32)
    return unit(raw).astype(np.float64)
