"""A figure with its doubt: value, n, interval and recipe."""

import math
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy import stats

from luthier.domain.value import Value
from luthier.errors import EmptySample

Method = Literal["wilson", "student_t"]


class Measurement(Value):
    """One measured figure with a two-sided interval; proportions keep their hits so that bounds are exact."""

    metric: str
    value: float
    n: int = Field(gt=0)
    low: float
    high: float
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    method: Method
    hits: int | None = Field(default=None, description="Successes, where the figure is a proportion.")

    @model_validator(mode="after")
    def _value_lies_in_its_interval(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.metric}: {self.value} lies outside [{self.low}, {self.high}]")
        return self

    @classmethod
    def of_proportion(cls, metric: str, hits: int, *, n: int, confidence: float = 0.95) -> Self:
        """A share with its Wilson interval, never outside [0, 1]. Source: Wilson, JASA 22 (1927)."""
        if n == 0:
            raise EmptySample(metric)
        low, high = wilson(hits, n, confidence=confidence)
        return cls(
            metric=metric, value=hits / n, n=n, low=low, high=high, confidence=confidence, method="wilson", hits=hits
        )

    @classmethod
    def of_mean(cls, metric: str, values: Sequence[float], *, confidence: float = 0.95) -> Self:
        """A mean with Student's t interval; equal values, or a single one, give an interval of no width."""
        if not values:
            raise EmptySample(metric)
        sample = np.asarray(values, dtype=np.float64)
        mean = float(sample.mean())
        spread = float(sample.std(ddof=1)) if len(sample) > 1 else 0.0
        half = (
            float(stats.t.ppf(0.5 + confidence / 2, len(sample) - 1)) * spread / math.sqrt(len(sample))
            if spread
            else 0.0
        )
        return cls(
            metric=metric, value=mean, n=len(sample), low=mean - half, high=mean + half, confidence=confidence,
            method="student_t",
        )  # fmt: skip

    def lower_bound(self, *, alpha: float = 0.05) -> float:
        """The one-sided lower bound at level alpha: Clopper-Pearson for a proportion, normal otherwise."""
        if self.hits is not None:
            return clopper_pearson_lower(self.hits, self.n, alpha=alpha)
        return self.value - self._one_sided_half_width(alpha)

    def upper_bound(self, *, alpha: float = 0.05) -> float:
        """The one-sided upper bound at level alpha: Clopper-Pearson for a proportion, normal otherwise."""
        if self.hits is not None:
            return clopper_pearson_upper(self.hits, self.n, alpha=alpha)
        return self.value + self._one_sided_half_width(alpha)

    def _one_sided_half_width(self, alpha: float) -> float:
        two_sided = float(stats.norm.ppf(0.5 + self.confidence / 2))
        return (self.high - self.low) / 2 * float(stats.norm.ppf(1 - alpha)) / two_sided


def wilson(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion. Source: Wilson, JASA 22 (1927) 209-212."""
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def clopper_pearson_lower(hits: int, n: int, *, alpha: float = 0.05) -> float:
    """The exact one-sided lower bound of a proportion. Source: Clopper & Pearson, Biometrika 26 (1934)."""
    return 0.0 if hits == 0 else float(stats.beta.ppf(alpha, hits, n - hits + 1))


def clopper_pearson_upper(hits: int, n: int, *, alpha: float = 0.05) -> float:
    """The exact one-sided upper bound of a proportion. Source: Clopper & Pearson, Biometrika 26 (1934)."""
    return 1.0 if hits == n else float(stats.beta.ppf(1 - alpha, hits + 1, n - hits))
