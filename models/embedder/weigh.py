"""Fits the weights of `luthier.text.rephrasing`: `python models/embedder/weigh.py` prints them.

Pairs come from the four sets of `benchmarks/matching_sets.py` whose rows have answers of their own: the tuned half of
the paraphrases against what naturally comes closest to the same gold rows. The plants are taken without their answers,
which would decide everything: what an equal answer adds is set afterwards, so that the least alike plant passes the
bar. Near copies are left out: they are recognised by other means.
"""

import argparse
from random import Random

import numpy as np
from benchmarks.matching_sets import SETS, key, paraphrases, planted
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from luthier.data.compare import Sides
from luthier.data.duplicates import drop_duplicates
from luthier.data.leakage import Guard
from luthier.text.rephrasing import Likeness

Floats = NDArray[np.float64]
OWN_ANSWERS = ("crm", "snips", "medquad", "self")
FITTED = ("contrast", "covered", "other_figures")
GOLD, CLEAN, NEAR, MOST = 300, 2_500, 0.85, 3_000
OTHERS, STIFFNESS = 5.0, 0.003
BAR, NATURAL = 0.35, 0.003
"""The bias puts BAR where this share of clean rows passes in the sets without templates (all but medquad)."""


def pairs_of(name: str) -> tuple[list[Likeness], list[bool], int]:
    """The pairs that a guard would judge, which of them are plants of the tuned half, and the number of clean rows."""
    rows = SETS[name]()
    rows = [row for n, row in enumerate(rows) if n % max(1, len(rows) // MOST) == 0 or key(row) in paraphrases(name)]
    rows = list(drop_duplicates(rows, near_threshold=NEAR).kept)
    made = planted(name, rows, Random(1), gold=GOLD, clean=CLEAN, copied=0)
    sides = Sides([*made.gold, *made.clean, *made.plants])
    guard = Guard(sides.corpus, sides.sides[: len(made.gold)])
    others = np.arange(len(made.gold), len(sides.sides))
    guard.look(others, sides.asked.take(others))
    found, is_plant = [], []
    for pair in guard.judged(sides.fetch):
        row, gold = sides.sides[pair.row].row.id, sides.sides[pair.probe].row.id
        if row == f"plant|tuned|{gold}":
            found.append(pair.likeness)
            is_plant.append(True)
        elif not row.startswith("plant|") and not pair.is_near(NEAR) and not pair.likeness.answer_told:
            found.append(pair.likeness)
            is_plant.append(False)
    return found, is_plant, len(made.clean)


def fitted(values: Floats, truth: NDArray[np.bool_], weight: Floats) -> Floats:
    """The weights of a logistic model, each with the sign that it must have, and last its bias."""
    middle, spread = values.mean(axis=0), values.std(axis=0) + 1e-6
    lines = np.hstack([(values - middle) / spread, np.ones((len(values), 1))])
    signs = np.where(truth, 1.0, -1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        told = signs * (lines @ weights)
        slope = (lines * (signs * weight * -expit(-told))[:, None]).sum(axis=0) + 2 * STIFFNESS * np.r_[weights[:-1], 0]
        return float((weight * np.logaddexp(0, -told)).sum() + STIFFNESS * (weights[:-1] ** 2).sum()), slope

    bounds = [(None, 0) if name == "other_figures" else (0, None) for name in FITTED]
    best = minimize(loss, np.zeros(lines.shape[1]), jac=True, bounds=[*bounds, (None, None)], method="L-BFGS-B").x
    weights = best[:-1] / spread
    model: Floats = np.r_[weights, best[-1] - weights @ middle]
    return model


def main() -> None:
    """Fit, set the bar, and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    values, truths, weight, natural = [], [], [], []
    for name in OWN_ANSWERS:
        found, is_plant, clean = pairs_of(name)
        truth = np.array(is_plant)
        lines = np.array([[getattr(pair, part) for part in FITTED] for pair in found])
        values.append(lines)
        truths.append(truth)
        weight.append(np.where(truth, 1 / truth.sum(), OTHERS / (~truth).sum()))
        natural.append((name, lines[~truth], clean))
    model = fitted(np.concatenate(values), np.concatenate(truths), np.concatenate(weight))
    reached = [
        np.sort(lines @ model[:-1] + model[-1])[::-1][int(NATURAL * clean)]
        for name, lines, clean in natural
        if name != "medquad"
    ]
    bar = max(reached)
    plants = np.concatenate(
        [lines[truth] @ model[:-1] + model[-1] for lines, truth in zip(values, truths, strict=True)]
    )
    print(dict(zip(FITTED, model[:-1].round(2).tolist(), strict=True)))
    print("bias", round(float(model[-1] - bar + logit(BAR)), 2))
    print("an equal answer must add", round(float(bar - plants.min()), 2), "and a third more leaves a margin")


if __name__ == "__main__":
    main()
