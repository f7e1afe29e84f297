import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from luthier.domain.compare import Pairing, paired_difference, paired_differences, superiority
from luthier.domain.mcnemar import mcnemar_exact, mcnemar_mid_p
from luthier.domain.power import rows_until_decided, smallest_visible_difference
from luthier.domain.resampling import (
    bootstrap_means,
    cluster_means,
    drawn_counts,
    percentile_interval,
    sign_flip_p,
)
from luthier.errors import EmptySample

counts = st.tuples(st.integers(0, 60), st.integers(0, 60))


def test_every_interval_is_scipys_own_bootstrap_of_the_same_seed() -> None:
    columns = np.random.default_rng(2).random((137, 5))
    theirs = stats.bootstrap(
        (columns.T,), np.mean, axis=-1, n_resamples=2_000, batch=7, method="percentile", rng=np.random.default_rng(9)
    ).confidence_interval
    ours = percentile_interval(bootstrap_means(columns, seed=9, draws=2_000), confidence=0.95)
    np.testing.assert_allclose(ours, [theirs.low, theirs.high], rtol=0, atol=1e-12)


def test_every_resample_holds_as_many_rows_as_there_are() -> None:
    totals = np.concatenate([block.sum(axis=1) for block in drawn_counts(41, 3_000, seed=1)])
    assert (len(totals), set(totals)) == (3_000, {41.0})


def test_no_rows_cannot_be_resampled() -> None:
    with pytest.raises(EmptySample):
        next(drawn_counts(0, 10, seed=1))


def test_groups_of_one_row_are_rows() -> None:
    columns = np.random.default_rng(3).random((50, 2))
    alone = cluster_means(columns, range(50), seed=4, draws=500)
    np.testing.assert_allclose(alone, bootstrap_means(columns, seed=4, draws=500))


def test_rows_that_say_the_same_in_threes_are_a_third_of_the_evidence() -> None:
    values = np.random.default_rng(5).random(60)
    tripled = np.repeat(values, 3)[:, None]
    rows = percentile_interval(bootstrap_means(tripled, seed=6), confidence=0.95)
    groups = percentile_interval(cluster_means(tripled, np.repeat(np.arange(60), 3).tolist(), seed=6), confidence=0.95)
    assert np.ptp(groups) / np.ptp(rows) == pytest.approx(math.sqrt(3), rel=0.05)


def test_two_groups_of_signs_flip_in_four_ways() -> None:
    assert sign_flip_p(np.array([3.0, 1.0]), seed=1) == 0.5  # +4, +2, -2, -4: two of four reach 4
    assert sign_flip_p(np.array([0.0, 0.0]), seed=1) == 1.0


def test_many_groups_of_one_sign_are_as_far_as_signs_go() -> None:
    assert sign_flip_p(np.ones(40), seed=1) == pytest.approx(1 / 10_001)


def test_mcnemars_exact_and_mid_p_are_the_textbook_ones() -> None:
    """Fagerland et al. (2013), table 1: 1 against 7 gives 0.0703 exactly and 0.0391 mid-p."""
    assert mcnemar_exact(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_mid_p(1, 7) == pytest.approx(0.0391, abs=5e-5)
    assert mcnemar_exact(0, 0) == mcnemar_mid_p(0, 0) == 1.0


@given(counts)
def test_mid_p_is_less_than_the_exact_one_and_both_are_symmetric(found: tuple[int, int]) -> None:
    better, worse = found
    assert 0.0 <= mcnemar_mid_p(better, worse) <= mcnemar_exact(better, worse) <= 1.0
    assert mcnemar_mid_p(better, worse) == mcnemar_mid_p(worse, better)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from("abcd")), min_size=2, max_size=30))
def test_order_of_rows_changes_nothing_in_groups_either(rows: list[tuple[float, float, str]]) -> None:
    one, other = (
        paired_difference("f1", "a", "b", *zip(*[row[:2] for row in part], strict=True), seed=1,
                          groups=[row[2] for row in part])
        for part in (rows, rows[::-1])
    )  # fmt: skip
    assert (one.low, one.high, one.p_value) == pytest.approx((other.low, other.high, other.p_value), abs=1e-9)
    assert one.low <= one.difference <= one.high


def test_all_at_once_is_what_each_is_alone() -> None:
    draws = np.random.default_rng(8)
    scores = [draws.random(40).tolist() for _ in range(4)] + [(draws.random(40) > 0.5).astype(float).tolist()] * 2
    pairs = [Pairing(metric="f1", variant="a", other="b", scores=a, other_scores=b) for a, b in
             [(scores[0], scores[1]), (scores[2], scores[3]), (scores[4], scores[0])]]  # fmt: skip
    alone = [paired_differences([pair], seed=3)[0] for pair in pairs]
    for one, other in zip(paired_differences(pairs, seed=3), alone, strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_five_customers_that_all_gain_are_not_enough_where_fifty_rows_would_be() -> None:
    scores, groups = [1.0] * 50, [f"customer {n % 5}" for n in range(50)]
    alone = paired_difference("m", "a", "b", scores, [0.0] * 50, seed=1)
    together = paired_difference("m", "a", "b", scores, [0.0] * 50, seed=1, groups=groups)
    assert superiority(alone).outcome == "pass"
    assert (together.clusters, together.p_value) == (5, 2 / 32)
    assert superiority(together).outcome == "not_enough_evidence"


def covered(trials: int, groups: int, size: int, *, by_group: bool, seed: int) -> float:
    """How often the interval holds the true gain of 0 where rows of a group are alike."""
    draws, hits = np.random.default_rng(seed), 0
    for trial in range(trials):
        gaps = (draws.normal(0, 0.2, groups)[:, None] + draws.normal(0, 0.2, (groups, size))).ravel()
        names = [str(place // size) for place in range(groups * size)] if by_group else []
        got = paired_difference("m", "a", "b", gaps.tolist(), [0.0] * len(gaps), seed=trial, groups=names)
        hits += got.low <= 0 <= got.high
    return hits / trials


def test_the_cluster_interval_covers_where_the_row_interval_does_not() -> None:
    """150 trials at 95%: fewer than 134 happen with probability 0.0008; rows alone hold it in about two of three."""
    assert covered(150, 20, 8, by_group=True, seed=1) >= 134 / 150
    assert covered(150, 20, 8, by_group=False, seed=1) < 0.85


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "size"), [(8, 5), (20, 10), (60, 3)])
def test_the_cluster_interval_covers_in_many_trials(groups: int, size: int) -> None:
    assert covered(1_000, groups, size, by_group=True, seed=2) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1_000)


@pytest.mark.slow
def test_equal_variants_of_alike_rows_are_told_apart_at_most_at_alpha() -> None:
    draws, found = np.random.default_rng(4), 0
    for trial in range(600):
        share = draws.beta(4, 2, 25)[:, None]
        mine, theirs = (draws.random((2, 25, 8)) < share).astype(float)
        groups = [str(place // 8) for place in range(200)]
        got = paired_difference(
            "m", "a", "b", mine.ravel().tolist(), theirs.ravel().tolist(), seed=trial, groups=groups
        )
        found += superiority(got).outcome != "not_enough_evidence"
    assert found <= 600 * 0.05 + 3 * math.sqrt(600 * 0.05 * 0.95)


def seen_share(n: int, gap: float, differing: float, trials: int) -> float:
    draws = np.random.default_rng(7)
    better = draws.binomial(n, (differing + gap) / 2, trials)
    worse = draws.binomial(n - better, (differing - gap) / 2 / (1 - (differing + gap) / 2))
    z = (better - worse) / np.sqrt(np.maximum(better + worse, 1))
    return float((np.abs(z) > stats.norm.ppf(0.975)).mean())


@pytest.mark.parametrize(("n", "differing"), [(200, 0.3), (400, 0.1), (1_000, 0.2)])
def test_what_is_called_visible_is_seen_four_times_in_five(n: int, differing: float) -> None:
    gap = smallest_visible_difference(n, differing=differing)
    assert gap is not None
    assert seen_share(n, gap, differing, 20_000) == pytest.approx(0.8, abs=0.03)


def test_400_rows_that_differ_on_86_in_1000_see_4_1_points() -> None:
    """By hand: (1.95996 sqrt(.086) + 0.84162 sqrt(.086 - .041^2)) / sqrt(400) = 0.0409."""
    assert smallest_visible_difference(400, differing=0.086) == pytest.approx(0.041, abs=5e-4)


def test_rows_that_never_differ_show_nothing() -> None:
    assert smallest_visible_difference(400, differing=0.0) is None


@given(st.integers(50, 5_000), st.floats(0.05, 1.0))
def test_more_rows_see_smaller_differences(n: int, differing: float) -> None:
    few, many = (
        smallest_visible_difference(n, differing=differing),
        smallest_visible_difference(2 * n, differing=differing),
    )
    assert few is None or (many is not None and many <= few)


def test_the_rows_that_would_decide_do_decide_when_they_come() -> None:
    open_one = paired_difference("m", "a", "b", [1.0] * 12 + [0.0] * 88, [0.0] * 12 + [1.0] * 5 + [0.0] * 83, seed=1)
    verdict = superiority(open_one)
    assert verdict.outcome == "not_enough_evidence"
    assert verdict.rows_needed is not None
    assert 100 < verdict.rows_needed < 400
    times = verdict.rows_needed / 100
    gains, losses = round(12 * times), round(5 * times)
    rest = verdict.rows_needed - gains - losses
    later = paired_difference("m", "a", "b", [1.0] * gains + [0.0] * (losses + rest),
                              [0.0] * gains + [1.0] * losses + [0.0] * rest, seed=1)  # fmt: skip
    assert superiority(later).outcome == "pass"


def test_no_number_of_rows_decides_a_draw() -> None:
    assert rows_until_decided(5, 5, 100, difference=0.0, width=0.1) is None
