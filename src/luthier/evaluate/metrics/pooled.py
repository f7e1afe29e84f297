"""Figures that all rows make together, such as macro F1 and corpus BLEU: counted per row, added, then combined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from luthier.domain.measure import Measurement
from luthier.domain.resampling import Floats, drawn_counts, percentile_interval

DRAWS, SEED = 2_000, 0
Pair = tuple[str | None, str]
"""An answer, or None where there was none, and the ideal."""


@dataclass(frozen=True)
class Pooled:
    """Counts per row, and the figure that their sums make; any part of the rows has a figure, so any resample has."""

    tallies: Callable[[Sequence[Pair]], Floats]
    """Counts, shape [rows, kinds]."""
    combine: Callable[[Floats], Floats]
    """Sums of counts, shape [samples, kinds], to figures, shape [samples]."""

    def measure(self, name: str, tallies: Floats) -> Measurement:
        """The figure of all rows with its percentile bootstrap interval.

        Source: Koehn, Statistical Significance Tests for Machine Translation Evaluation, EMNLP (2004).
        """
        value = float(self.combine(tallies.sum(axis=0)[None, :])[0])
        low, high = self._ends(tallies)
        return Measurement(
            metric=name, value=value, n=len(tallies), low=min(low, value), high=max(high, value), method="bootstrap"
        )

    def difference(
        self, one: Floats, other: Floats, *, seed: int, confidence: float
    ) -> tuple[float, float, float, float]:
        """How far apart two answerers of the same rows are: difference, low, high and a two-sided bootstrap p-value."""
        gaps = np.concatenate(
            [
                self.combine(counts @ one) - self.combine(counts @ other)
                for counts in drawn_counts(len(one), DRAWS, seed=seed)
            ]
        )
        seen = float(self.combine(one.sum(axis=0)[None, :])[0] - self.combine(other.sum(axis=0)[None, :])[0])
        low, high = percentile_interval(gaps[:, None], confidence=confidence)[:, 0].tolist()
        beyond = min(int((gaps <= 0).sum()), int((gaps >= 0).sum()))
        return seen, min(low, seen), max(high, seen), min(1.0, 2 * (1 + beyond) / (1 + DRAWS))

    def _ends(self, tallies: Floats) -> tuple[float, float]:
        drawn = np.concatenate(
            [self.combine(counts @ tallies) for counts in drawn_counts(len(tallies), DRAWS, seed=SEED)]
        )
        low, high = percentile_interval(drawn[:, None], confidence=0.95)[:, 0].tolist()
        return low, high
