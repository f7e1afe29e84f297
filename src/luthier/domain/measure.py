"""A figure with its doubt: value, n, interval and recipe."""

import math
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator
from scipy.special import betaincinv, ndtri, stdtrit  # not scipy.stats: two seconds at every command's start

from luthier.domain.value import Value
from luthier.errors import EmptySample

Method = Literal["wilson", "student_t", "bootstrap"]


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
    def of_mean(
        cls,
        metric: str,
        values: Sequence[float],
        *,
        confidence: float = 0.95,
        bounds: tuple[float, float] | None = None,
    ) -> Self:
        """A mean with Student's t interval; equal values, or a single one, give an interval of no width.

        Where scores have bounds, kinds of rows too rare to have been seen may score at either bound: they can
        make up a share of 1 - tail ** (1 / n) (the rule of three), and the interval makes room for them. So three
        perfect scores prove little, and no interval leaves the bounds.

        Source: Student, Biometrika 6 (1908); Hanley & Lippman-Hand, JAMA 249 (1983).
        """
        if not values:
            raise EmptySample(metric)
        n, tail = len(values), (1 - confidence) / 2
        mean = math.fsum(values) / n  # fsum: the order of rows changes no digit
        spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else 0.0
        half = float(stdtrit(n - 1, 1 - tail)) * spread / math.sqrt(n) if spread else 0.0
        low, high = mean - half, mean + half
        if bounds is not None:
            unseen = 1 - tail ** (1 / n)
            low = min(mean, max(low, bounds[0]) * (1 - unseen) + bounds[0] * unseen)
            high = max(mean, min(high, bounds[1]) * (1 - unseen) + bounds[1] * unseen)
        return cls(metric=metric, value=mean, n=n, low=low, high=high, confidence=confidence, method="student_t")

    def lower_bound(self, *, alpha: float = 0.05) -> float:
        """The one-sided lower bound at level alpha: Clopper-Pearson for a proportion, else from the interval."""
        if self.hits is not None:
            return clopper_pearson_lower(self.hits, self.n, alpha=alpha)
        return self.value - (self.value - self.low) * self._one_sided_part(alpha)

    def upper_bound(self, *, alpha: float = 0.05) -> float:
        """The one-sided upper bound at level alpha: Clopper-Pearson for a proportion, else from the interval."""
        if self.hits is not None:
            return clopper_pearson_upper(self.hits, self.n, alpha=alpha)
        return self.value + (self.high - self.value) * self._one_sided_part(alpha)

    def with_rows(self, n: int) -> "Measurement":
        """What `n` rows would show if the figure stayed: hits in proportion, or ends nearer by the root of the rows."""
        if self.hits is not None:
            return Measurement.of_proportion(
                self.metric, round(self.hits * n / self.n), n=n, confidence=self.confidence
            )
        shrunk = math.sqrt(self.n / n)
        return self.model_copy(
            update={
                "n": n,
                "low": self.value - (self.value - self.low) * shrunk,
                "high": self.value + (self.high - self.value) * shrunk,
            }
        )

    def _one_sided_part(self, alpha: float) -> float:
        """How much of a side of the interval a one-sided bound takes; by normal quantiles, so never too little."""
        return float(ndtri(1 - alpha) / ndtri(0.5 + self.confidence / 2))


def wilson(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion. Source: Wilson, JASA 22 (1927) 209-212."""
    z = float(ndtri(0.5 + confidence / 2))
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def clopper_pearson_lower(hits: int, n: int, *, alpha: float = 0.05) -> float:
    """The exact one-sided lower bound of a proportion. Source: Clopper & Pearson, Biometrika 26 (1934)."""
    return 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, alpha))


def clopper_pearson_upper(hits: int, n: int, *, alpha: float = 0.05) -> float:
    """The exact one-sided upper bound of a proportion. Source: Clopper & Pearson, Biometrika 26 (1934)."""
    return 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - alpha))
