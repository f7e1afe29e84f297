"""How many rows a comparison needs, and what a given number can see."""

import math

from scipy.special import ndtri


def rows_to_see_drop(base: float, drop: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Rows per arm with which a one-sided test sees a share fall from `base` by the relative `drop`.

    Rounded to the nearest row. A 10% drop from 0.90 at power 0.8 needs 188.

    Raises:
        ValueError: `base` or `drop` is not strictly between 0 and 1, or power does not exceed alpha.

    Source: Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions (2003), ch. 4, pooled variance.

    """
    if not (0 < base < 1 and 0 < drop <= 1 and 0 < alpha < power < 1):
        raise ValueError(f"base {base}, drop {drop}, alpha {alpha} and power {power} must be shares, alpha below power")
    after = base * (1 - drop)
    pooled = (base + after) / 2
    under_null = float(ndtri(1 - alpha)) * math.sqrt(2 * pooled * (1 - pooled))
    under_drop = float(ndtri(power)) * math.sqrt(base * (1 - base) + after * (1 - after))
    return max(1, round(((under_null + under_drop) / (base - after)) ** 2))


def smallest_visible_drop(base: float, rows: int, *, power: float = 0.8, alpha: float = 0.05) -> float | None:
    """The smallest relative drop from `base` that `rows` per arm can see; None when even a drop to 0 is not seen."""
    if rows_to_see_drop(base, 1.0, power=power, alpha=alpha) > rows:
        return None
    seen, missed = 1.0, 0.0
    for _ in range(40):
        middle = (seen + missed) / 2
        needed = rows_to_see_drop(base, middle, power=power, alpha=alpha)
        seen, missed = (middle, missed) if needed <= rows else (seen, middle)
    return seen
