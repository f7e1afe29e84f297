"""How the loss falls with rows, as a power law, and what the law promises beyond the rows there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from luthier.domain.value import Value

EXPONENTS = np.linspace(0.05, 1.5, 59)
"""Tried one by one; what lies between two of them moves a forecast of twice the rows by less than a thousandth."""
PARAMETERS = 3
FEWEST_SIZES = 4
DRAWS = 2_000
Floats = NDArray[np.float64]


class Forecast(Value):
    """The loss at a number of rows, with the interval of its mean over seeds."""

    rows: float = Field(gt=0)
    loss: float
    low: float
    high: float
    gain: float = Field(description="How much lower than the law's loss at the rows there are.")
    gain_low: float
    gain_high: float
    confidence: float = 0.95


class PowerLaw(Value):
    """loss = floor + scale * rows ** -exponent, and how far the measured losses lie from it."""

    floor: float
    scale: float
    exponent: float
    residual: float = Field(ge=0, description="Standard deviation of the losses around the law.")
    degrees: int = Field(ge=1, description="Of freedom: losses less parameters.")

    def at(self, rows: float) -> float:
        """The law's loss at so many rows."""
        return float(self.floor + self.scale * rows**-self.exponent)


@dataclass(frozen=True)
class Point:
    """The loss of one run on so many rows."""

    rows: int
    loss: float


@dataclass(frozen=True)
class _Design:
    """Every exponent's line through the points, ready for many draws of losses at once."""

    features: Floats
    """rows ** -exponent less its mean, shape [exponents, points]."""
    means: Floats
    """Mean of rows ** -exponent, shape [exponents]."""
    squares: Floats

    @classmethod
    def of(cls, rows: Floats) -> Self:
        powers = rows[None, :] ** -EXPONENTS[:, None]
        means = powers.mean(axis=1)
        centred = powers - means[:, None]
        return cls(centred, means, (centred**2).sum(axis=1))

    def fit(self, losses: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Exponent, scale, floor and squared error of the best line of each row of `losses` [draws, points]."""
        mean = losses.mean(axis=1)
        scales = (losses - mean[:, None]) @ self.features.T / self.squares
        total = ((losses - mean[:, None]) ** 2).sum(axis=1)
        errors = total[:, None] - scales**2 * self.squares
        best = errors.argmin(axis=1)
        picked = np.arange(len(losses))
        scale = scales[picked, best]
        return EXPONENTS[best], scale, mean - scale * self.means[best], np.maximum(errors[picked, best], 0.0)


def fit(points: Sequence[Point]) -> PowerLaw | None:
    """The law of least squares; None where the points are too few to say how far off it is."""
    if not is_enough(points):
        return None
    exponent, scale, floor, error = _Design.of(_rows(points)).fit(_losses(points))
    degrees = len(points) - PARAMETERS
    return PowerLaw(
        floor=float(floor[0]), scale=float(scale[0]), exponent=float(exponent[0]),
        residual=float(np.sqrt(error[0] / degrees)), degrees=degrees,
    )  # fmt: skip


def is_enough(points: Sequence[Point]) -> bool:
    """Whether a law can be fitted and something is left over to judge it by."""
    return len({point.rows for point in points}) >= FEWEST_SIZES


def forecast(points: Sequence[Point], law: PowerLaw, rows: float, *, now: float, seed: int) -> Forecast:
    """What the law says of `rows` against `now` rows, with a parametric bootstrap interval.

    Every draw takes a spread that the residuals allow on their degrees of freedom, scatters losses around the law by
    it, and fits anew: one residual more than parameters allows spreads of any size, and the interval says so.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 6; Gelman et al., Bayesian Data Analysis
    (2013), ch. 3 for the spread's distribution; Hestness et al., arXiv:1712.00409, for the law.
    """
    draws = np.random.default_rng(seed)
    measured = _rows(points)
    spread = law.residual * np.sqrt(law.degrees / draws.chisquare(law.degrees, size=DRAWS))
    noise = draws.standard_normal((DRAWS, len(points))) * spread[:, None]
    drawn = law.floor + law.scale * measured[None, :] ** -law.exponent + noise
    exponent, scale, floor, _ = _Design.of(measured).fit(drawn)
    there = floor + scale * rows**-exponent
    gains = scale * (now**-exponent - rows**-exponent)
    loss, gain = law.at(rows), law.at(now) - law.at(rows)
    (low, high), (gain_low, gain_high) = (np.quantile(values, (0.025, 0.975)) for values in (there, gains))
    return Forecast(
        rows=rows, loss=loss, low=min(loss, float(low)), high=max(loss, float(high)), gain=gain,
        gain_low=min(gain, float(gain_low)), gain_high=max(gain, float(gain_high)),
    )  # fmt: skip


def _rows(points: Sequence[Point]) -> Floats:
    return np.array([point.rows for point in points], dtype=np.float64)


def _losses(points: Sequence[Point]) -> Floats:
    return np.array([[point.loss for point in points]], dtype=np.float64)
