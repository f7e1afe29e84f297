"""Paired comparison of two variants on the same rows."""

from collections.abc import Sequence

import numpy as np
from pydantic import Field
from scipy.special import bdtr

from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.errors import EmptySample

DRAWS = 4_000
FEW_VALUES = 16  # yes-no rows differ by -1, 0 or 1: counting them is the same bootstrap, thirty times faster


class PairedDifference(Value):
    """How much one variant beats another on one metric, row by row; `low` and `high` bound the difference."""

    metric: str
    variant: str
    other: str
    difference: float
    low: float
    high: float
    n: int = Field(gt=0)
    better: int = Field(ge=0, description="Rows on which the first scored higher.")
    worse: int = Field(ge=0, description="Rows on which the first scored lower.")
    p_value: float = Field(ge=0, le=1, description="Exact McNemar (sign) test, two-sided.")
    p_holm: float | None = Field(default=None, description="p_value, corrected for all that was compared with it.")
    wants_high: bool = Field(default=True, description="False where a lower score is better.")
    confidence: float = 0.95

    @property
    def gain(self) -> tuple[float, float, float]:
        """Difference, low and high, turned so that above 0 means that the first variant is better."""
        return (self.difference, self.low, self.high) if self.wants_high else (-self.difference, -self.high, -self.low)


def paired_difference(
    metric: str,
    variant: str,
    other: str,
    scores: Sequence[float],
    other_scores: Sequence[float],
    *,
    seed: int,
    confidence: float = 0.95,
    wants_high: bool = True,
) -> PairedDifference:
    """The mean difference of paired scores with a percentile bootstrap interval and the exact sign test.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; McNemar, Psychometrika 12 (1947).
    """
    if not scores:
        raise EmptySample(metric)
    if len(scores) != len(other_scores):
        raise ValueError(f"{metric}: {len(scores)} and {len(other_scores)} scores are not of the same rows")
    gaps = np.sort(np.asarray(scores, dtype=np.float64) - np.asarray(other_scores, dtype=np.float64))
    better, worse = int((gaps > 0).sum()), int((gaps < 0).sum())
    low, high = _bootstrap_mean(gaps, seed=seed, confidence=confidence)
    p_value = min(1.0, 2 * float(bdtr(min(better, worse), better + worse, 0.5)))
    mean = float(gaps.mean())
    return PairedDifference(
        metric=metric, variant=variant, other=other, difference=mean, low=min(low, mean), high=max(high, mean),
        n=len(gaps), better=better, worse=worse, p_value=p_value, confidence=confidence, wants_high=wants_high,
    )  # fmt: skip


def superiority(difference: PairedDifference) -> Verdict:
    """Pass when the first variant is better, fail when it is worse, else hold.

    Better or worse needs both witnesses: the interval off zero and the sign test. On few differing rows the
    percentile interval alone rejects too often: four gains and no loss leave zero, and happen by chance one time in
    eight.
    """
    gain, low, high = difference.gain
    said = (
        f"{difference.metric}: {difference.variant} against {difference.other} gains {gain:+.4g}"
        f" ({low:+.4g} to {high:+.4g}, n = {difference.n}, p = {difference.p_value:.3g})"
    )
    if difference.p_value <= 1 - difference.confidence and (low > 0 or high < 0):
        return Verdict(outcome="pass" if low > 0 else "fail", reasons=(said,))
    return Verdict(outcome="not_enough_evidence", reasons=(f"{said}; more rows that differ would decide",))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, corrected so that all claims together are wrong as seldom as one alone.

    Source: Holm, Scand. J. Statist. 6 (1979) 65-70.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, floor = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = floor
    return corrected


def _bootstrap_mean(values: np.ndarray, *, seed: int, confidence: float) -> tuple[float, float]:
    draws = np.random.default_rng(seed)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= FEW_VALUES:
        means = draws.multinomial(len(values), counts / len(values), size=DRAWS) @ distinct / len(values)
    else:
        means = np.empty(DRAWS)
        for start in range(0, DRAWS, 500):  # bounded memory: 500 resamples at a time
            chosen = draws.integers(0, len(values), size=(500, len(values)))
            means[start : start + 500] = values[chosen].mean(axis=1)
    tail = (1 - confidence) / 2
    return float(np.quantile(means, tail)), float(np.quantile(means, 1 - tail))
