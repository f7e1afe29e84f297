"""Paired comparison of two variants on the same rows."""

from collections.abc import Sequence

import numpy as np
from pydantic import Field
from scipy import stats

from luthier.domain.value import Value
from luthier.errors import EmptySample

DRAWS = 4_000


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
    confidence: float = 0.95


def paired_difference(
    metric: str,
    variant: str,
    other: str,
    scores: Sequence[float],
    other_scores: Sequence[float],
    *,
    seed: int,
    confidence: float = 0.95,
) -> PairedDifference:
    """The mean difference of paired scores with a percentile bootstrap interval and the exact sign test.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; McNemar, Psychometrika 12 (1947).
    """
    if not scores:
        raise EmptySample(metric)
    gaps = np.asarray(scores, dtype=np.float64) - np.asarray(other_scores, dtype=np.float64)
    better, worse = int((gaps > 0).sum()), int((gaps < 0).sum())
    low, high = _bootstrap_mean(gaps, seed=seed, confidence=confidence)
    p_value = float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
    mean = float(gaps.mean())
    return PairedDifference(
        metric=metric, variant=variant, other=other, difference=mean, low=min(low, mean), high=max(high, mean),
        n=len(gaps), better=better, worse=worse, p_value=p_value, confidence=confidence,
    )  # fmt: skip


def _bootstrap_mean(values: np.ndarray, *, seed: int, confidence: float) -> tuple[float, float]:
    draws = np.random.default_rng(seed)
    means = np.empty(DRAWS)
    for start in range(0, DRAWS, 500):  # bounded memory: 500 resamples at a time
        chosen = draws.integers(0, len(values), size=(500, len(values)))
        means[start : start + 500] = values[chosen].mean(axis=1)
    tail = (1 - confidence) / 2
    return float(np.quantile(means, tail)), float(np.quantile(means, 1 - tail))
