import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from luthier.domain.measure import Measurement, clopper_pearson_lower, clopper_pearson_upper, wilson
from luthier.errors import EmptySample

shares = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
scores = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_an_empty_sample_is_refused_rather_than_scored_zero() -> None:
    with pytest.raises(EmptySample, match="zero examples"):
        Measurement.of_proportion("exact_match", 0, n=0)
    with pytest.raises(EmptySample, match="zero examples"):
        Measurement.of_mean("f1", [])


def test_wilson_interval_of_8_in_500_is_scipys() -> None:
    expected = stats.binomtest(8, 500).proportion_ci(0.95, method="wilson")
    assert wilson(8, 500) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_clopper_pearson_bounds_are_scipys_exact_ones() -> None:
    upper = stats.binomtest(8, 500, alternative="less").proportion_ci(0.95, method="exact")
    lower = stats.binomtest(99, 100, alternative="greater").proportion_ci(0.95, method="exact")
    assert clopper_pearson_upper(8, 500) == pytest.approx(upper.high, abs=1e-9)
    assert clopper_pearson_lower(99, 100) == pytest.approx(lower.low, abs=1e-9)


def test_nothing_seen_in_149_is_the_rule_of_three() -> None:
    assert clopper_pearson_upper(0, 149) == pytest.approx(1 - 0.05 ** (1 / 149), abs=1e-12)
    assert clopper_pearson_lower(149, 149) == pytest.approx(0.05 ** (1 / 149), abs=1e-12)


def test_mean_interval_is_students_t() -> None:
    values = [0.1, 0.4, 0.4, 0.9, 0.2]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    got = Measurement.of_mean("latency", values)
    assert (got.value, got.low, got.high) == pytest.approx((0.4, expected.low, expected.high), abs=1e-12)


def test_one_sided_bounds_of_a_mean_are_no_closer_than_students() -> None:
    values = [0.1, 0.4, 0.4, 0.9, 0.2]
    got = Measurement.of_mean("latency", values)
    exact = stats.ttest_1samp(values, 0, alternative="greater").confidence_interval(0.95).low
    assert got.low < got.lower_bound() <= exact


def test_three_perfect_scores_prove_little() -> None:
    got = Measurement.of_mean("f1", [1.0, 1.0, 1.0], bounds=(0.0, 1.0))
    assert got.low == pytest.approx(0.025 ** (1 / 3))  # 0.292: a share of 0.708 of all rows can have stayed unseen
    assert got.high == 1.0
    assert got.lower_bound() < 0.5


def test_five_hundred_perfect_scores_prove_almost_what_a_share_does() -> None:
    got = Measurement.of_mean("f1", [1.0] * 500, bounds=(0.0, 1.0))
    assert got.lower_bound() == pytest.approx(0.05 ** (1 / 500), abs=1e-3)


def test_a_figure_outside_its_interval_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="lies outside"):
        Measurement(metric="f1", value=0.9, n=3, low=0.1, high=0.8, method="wilson")


@given(shares)
def test_a_share_lies_in_its_intervals_and_they_in_zero_to_one(share: tuple[int, int]) -> None:
    hits, n = share
    got = Measurement.of_proportion("exact_match", hits, n=n)
    assert 0.0 <= got.low <= got.value <= got.high <= 1.0
    assert 0.0 <= got.lower_bound() <= got.value <= got.upper_bound() <= 1.0


@given(shares)
def test_wrong_is_the_mirror_of_right(share: tuple[int, int]) -> None:
    hits, n = share
    right, wrong = wilson(hits, n), wilson(n - hits, n)
    assert right == pytest.approx((1 - wrong[1], 1 - wrong[0]), abs=1e-12)
    assert clopper_pearson_lower(hits, n) == pytest.approx(1 - clopper_pearson_upper(n - hits, n), abs=1e-9)


@given(scores, st.randoms(use_true_random=False))
def test_order_of_rows_changes_no_digit_of_a_mean(values: list[float], shuffler: "np.random.Generator") -> None:
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    assert Measurement.of_mean("f1", shuffled) == Measurement.of_mean("f1", values)


@given(scores)
def test_a_bounded_mean_keeps_within_its_bounds_and_around_its_value(values: list[float]) -> None:
    bounded = Measurement.of_mean("f1", values, bounds=(0.0, 1.0))
    assert 0.0 <= bounded.low <= bounded.value <= bounded.high <= 1.0
    assert 0.0 <= bounded.lower_bound() <= bounded.value <= bounded.upper_bound() <= 1.0


@given(shares)
def test_more_of_the_same_evidence_narrows_the_interval(share: tuple[int, int]) -> None:
    hits, n = share
    few, many = Measurement.of_proportion("m", hits, n=n), Measurement.of_proportion("m", hits * 4, n=n * 4)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize("share", [0.03, 0.2, 0.5, 0.97])
@pytest.mark.parametrize("n", [50, 200])
def test_clopper_pearson_covers_at_least_as_often_as_promised(share: float, n: int) -> None:
    """Coverage summed over every possible outcome, so no luck is in it."""
    hits = np.arange(n + 1)
    chance = stats.binom.pmf(hits, n, share)
    below = np.array([clopper_pearson_lower(int(k), n) <= share for k in hits])
    above = np.array([clopper_pearson_upper(int(k), n) >= share for k in hits])
    assert chance[below].sum() >= 0.95
    assert chance[above].sum() >= 0.95


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9])
def test_wilson_covers_near_its_promise_on_200_rows(share: float) -> None:
    hits = np.arange(201)
    covers = np.array([low <= share <= high for low, high in (wilson(int(k), 200) for k in hits)])
    assert stats.binom.pmf(hits, 200, share)[covers].sum() == pytest.approx(0.95, abs=0.02)


def test_wilson_coverage_averaged_over_all_shares_is_95_percent() -> None:
    """Agresti & Coull (1998): on average over shares Wilson's coverage is very close to nominal."""
    intervals = [wilson(k, 100) for k in range(101)]
    shares_tried = np.linspace(0.01, 0.99, 197)
    coverage = [
        sum(float(stats.binom.pmf(k, 100, p)) for k, (low, high) in enumerate(intervals) if low <= p <= high)
        for p in shares_tried
    ]
    assert float(np.mean(coverage)) == pytest.approx(0.95, abs=0.01)


def test_bounded_means_of_rare_failures_are_covered_where_plain_t_is_not() -> None:
    """One row in twenty scores 0 and the rest 1: on 20 rows plain t misses whenever no failure was seen."""
    draws = np.random.default_rng(7)
    plain = kept = 0
    for _ in range(400):
        values = [float(value) for value in (draws.random(20) >= 0.05)]
        plain += Measurement.of_mean("f1", values).lower_bound() <= 0.95
        kept += Measurement.of_mean("f1", values, bounds=(0.0, 1.0)).lower_bound() <= 0.95
    assert plain / 400 < 0.75  # 0.95 ** 20 = 0.36 of samples show no failure
    assert kept / 400 >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 50, 500])
def test_bounded_mean_covers_skewed_scores(n: int) -> None:
    draws = np.random.default_rng(11)
    true_mean = 8 / 9
    covered = 0
    for _ in range(4000):
        got = Measurement.of_mean("f1", draws.beta(8, 1, n).tolist(), bounds=(0.0, 1.0))
        covered += got.low <= true_mean <= got.high
    assert covered / 4000 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 4000)
