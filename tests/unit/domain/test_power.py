import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from luthier.domain.power import rows_to_see_drop, smallest_visible_drop


def exact_power(n: int, base: float, after: float) -> float:
    """The pooled z-test's chance to reject, summed over every pair of outcomes."""
    hits = np.arange(n + 1)
    before, later = stats.binom.pmf(hits, n, base)[:, None], stats.binom.pmf(hits, n, after)[None, :]
    gap = (hits[:, None] - hits[None, :]) / n
    pooled = (hits[:, None] + hits[None, :]) / (2 * n)
    error = np.sqrt(2 * pooled * (1 - pooled) / n)
    z = np.divide(gap, error, out=np.zeros_like(gap), where=error > 0)
    return float(((z > stats.norm.ppf(0.95)) * before * later).sum())


def test_a_tenth_off_ninety_percent_needs_188_answers_per_arm() -> None:
    assert rows_to_see_drop(0.90, 0.10) == 188


def test_those_188_have_the_power_they_promise() -> None:
    assert exact_power(188, 0.90, 0.81) >= 0.8


def test_what_188_rows_can_see_is_a_tenth() -> None:
    assert smallest_visible_drop(0.90, 188) == pytest.approx(0.10, abs=0.001)


def test_two_rows_see_nothing() -> None:
    assert smallest_visible_drop(0.5, 2) is None


@pytest.mark.parametrize(("base", "drop"), [(0.0, 0.1), (1.0, 0.1), (0.9, 0.0), (0.9, 1.1)])
def test_figures_that_are_no_shares_are_refused(base: float, drop: float) -> None:
    with pytest.raises(ValueError, match="must be shares"):
        rows_to_see_drop(base, drop)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.9))
def test_a_larger_drop_needs_no_more_rows_and_more_power_no_fewer(base: float, drop: float) -> None:
    needed = rows_to_see_drop(base, drop)
    assert rows_to_see_drop(base, drop * 1.1) <= needed <= rows_to_see_drop(base, drop, power=0.9)


@given(st.floats(0.05, 0.95), st.integers(20, 5000))
def test_the_smallest_visible_drop_is_visible(base: float, rows: int) -> None:
    seen = smallest_visible_drop(base, rows)
    assert seen is None or rows_to_see_drop(base, seen) <= rows
