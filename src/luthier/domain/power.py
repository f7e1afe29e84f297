"""How many rows a comparison needs, and what a given number can see."""

import math

from scipy.special import ndtri

from luthier.domain.mcnemar import mcnemar_exact

MOST_ROWS = 1_000_000


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


def smallest_visible_difference(
    rows: int, *, differing: float = 1.0, spread: float | None = None, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """The smallest difference of two variants on the same `rows` that a two-sided paired test sees; None: none of 1.

    Args:
        rows: Rows that both answer.
        differing: Share of rows on which a yes-no metric says yes to one of them alone.
        spread: Standard deviation of the differences, for a metric that is no yes or no.
        power: Chance to see it.
        alpha: Chance to see one that is not there.

    Source: Connor, Biometrics 43 (1987) 207-211, for McNemar's test; for `spread` the paired z test.

    """
    if not (rows > 0 and 0 <= differing <= 1 and 0 < alpha < power < 1):
        raise ValueError(f"rows {rows}, differing {differing}, alpha {alpha} and power {power} make no paired test")
    z, z_power = float(ndtri(1 - alpha / 2)), float(ndtri(power))
    if spread is not None:
        found = (z + z_power) * spread / math.sqrt(rows)
        return found if found <= 1 else None

    def is_seen(gap: float) -> bool:
        needed = z * math.sqrt(differing) + z_power * math.sqrt(max(0.0, differing - gap * gap))
        return gap * math.sqrt(rows) >= needed

    low, high = 0.0, differing
    if differing == 0 or not is_seen(high):
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if is_seen(middle) else (middle, high)
    return high


def rows_until_decided(
    better: int, worse: int, n: int, *, difference: float, width: float, seen: int | None = None, alpha: float = 0.05
) -> int | None:
    """Rows with which the sign test and the interval would both decide, if the rates stay as they are; None: never.

    Args:
        better: Rows on which the first was better.
        worse: Rows on which it was worse.
        n: All rows.
        difference: What was gained on average.
        width: Of its interval, which shrinks with the root of the rows.
        seen: Groups, where rows share one; the interval alone then tells.
        alpha: Of both.

    """
    if not difference or not math.isfinite(width):
        return None
    wide = width / 2 / abs(difference)
    times = max(1.0, min(wide, float(MOST_ROWS)) ** 2)
    while n * times <= MOST_ROWS:
        if seen is not None or mcnemar_exact(round(better * times), round(worse * times)) <= alpha:
            needed = math.ceil(n * times)
            return needed if needed > n else math.ceil(n * 1.05) + 1
        times *= 1.02
    return None
