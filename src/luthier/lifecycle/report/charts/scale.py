"""From figures to places on paper: scales, round ticks, and their labels; safe for any finite figure."""

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_MOST = sys.float_info.max
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A straight line from `low`..`high` to `start`..`end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies; one outside the scale is put on its edge."""
        part = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)  # halves: no difference overflows
        return self.start + min(1.0, max(0.0, part)) * (self.end - self.start)


def spread(values: Iterable[float], *, pad: float = 0.06) -> tuple[float, float]:
    """A range that holds all values with some air; never of no width. No values give 0 to 1."""
    listed = list(values)
    if not listed:
        return 0.0, 1.0
    low, high = min(listed), max(listed)
    if math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-300):
        air = max(abs(high) * 0.1, 1e-9 if high else 1.0)
    else:
        air = (high / 2 - low / 2) * 2 * pad if math.isfinite(high - low) else 0.0
    return max(-_MOST, low - air), min(_MOST, high + air)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round figures from `low` to `high`, about `count` of them; the ends where none is round enough."""
    step = _step((high / 2 - low / 2) / count * 2)
    if step is None:
        return [low, high]
    first = math.ceil(low / step)
    found = [(first + place) * step for place in range(2 * count + 3)]
    inside = [value for value in dict.fromkeys(found) if low <= value <= high]
    return inside or [low, high]


def tick_labels(values: Sequence[float]) -> list[str]:
    """The ticks as text, all with the digits that tell them apart."""
    gaps = [high - low for low, high in pairwise(values) if high > low]
    gap, size = min(gaps, default=1.0), max((abs(value) for value in values), default=0.0)
    if size >= 1e6 or (size and size < 1e-3) or not math.isfinite(gap):
        return [f"{value:.3g}" for value in values]
    digits = next((places for places in range(7) if _is_whole(gap * 10**places)), 6)
    return [f"{value:,.{digits}f}" for value in values]


def _step(raw: float) -> float | None:
    if not math.isfinite(raw) or raw <= 0:
        return None
    magnitude = 10.0 ** math.floor(math.log10(raw))
    if not magnitude:
        return None
    step = next(magnitude * factor for factor in _STEPS if magnitude * factor >= raw or factor == _STEPS[-1])
    return step if math.isfinite(step) else None


def _is_whole(value: float) -> bool:
    return math.isclose(value, round(value), rel_tol=1e-6, abs_tol=1e-9)
