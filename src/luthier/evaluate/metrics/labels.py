"""Metrics of answers that are one of a few labels."""

from collections.abc import Sequence

import numpy as np

from luthier.domain.resampling import Floats
from luthier.evaluate.metrics.metric import Attempt, mean, share
from luthier.evaluate.metrics.pooled import Pair, Pooled
from luthier.evaluate.metrics.text import fold


def label_tallies(pairs: Sequence[Pair]) -> Floats:
    """Per row, for each label of an ideal or an answer: right, answered, ideal; shape [rows, 3 x labels]."""
    got = ["" if answer is None else fold(answer) for answer, _ in pairs]
    wanted = [fold(ideal) for _, ideal in pairs]
    labels = sorted({*wanted, *(label for label in got if label)})
    answered = np.array([[label == each for each in labels] for label in got], dtype=np.float64)
    ideal = np.array([[label == each for each in labels] for label in wanted], dtype=np.float64)
    return np.concatenate([answered * ideal, answered, ideal], axis=1)


def macro_f1_of(sums: Floats) -> Floats:
    """Mean F1 over the labels that are there; a label that neither side has in a sample is no part of it."""
    right, answered, ideal = np.split(sums, 3, axis=1)
    there = answered + ideal
    f1 = np.divide(2 * right, there, out=np.zeros_like(right), where=there > 0)
    found: Floats = f1.sum(axis=1) / np.maximum((there > 0).sum(axis=1), 1)
    return found


@mean("macro_f1", pooled=Pooled(label_tallies, macro_f1_of))
def macro_f1(row: Attempt) -> float:
    """F1 of each label, averaged over labels so that a rare one counts like a common one; an answer is one label.

    An answer that is no label of the data counts as one more label, whose F1 is 0. A row's own score says whether its
    label is right.
    Source: scikit-learn's f1_score(average="macro") defines the same.
    """
    return float(row.answer is not None and fold(row.answer) == fold(row.example.ideal))


@share("label_accuracy")
def label_accuracy(row: Attempt) -> bool:
    """Whether the answer is the ideal's label, case and spacing aside."""
    return row.answer is not None and fold(row.answer) == fold(row.example.ideal)
