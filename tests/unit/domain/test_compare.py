import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from luthier.domain.compare import PairedDifference, holm, paired_difference, superiority
from luthier.errors import EmptySample

rows = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30)


def compared(mine: list[float], theirs: list[float], *, wants_high: bool = True, seed: int = 1) -> PairedDifference:
    return paired_difference("exact_match", "tuned", "prompt", mine, theirs, seed=seed, wants_high=wants_high)


def flips(gains: int, losses: int, same: int) -> PairedDifference:
    """`gains` rows only the first has right, `losses` only the other, `same` both."""
    mine = [1.0] * gains + [0.0] * losses + [1.0] * same
    theirs = [0.0] * gains + [1.0] * losses + [1.0] * same
    return compared(mine, theirs)


def test_an_empty_pairing_is_refused() -> None:
    with pytest.raises(EmptySample):
        compared([], [])


def test_scores_of_different_rows_are_refused_rather_than_stretched() -> None:
    with pytest.raises(ValueError, match="not of the same rows"):
        compared([1.0, 0.0, 1.0], [1.0])


def test_difference_counts_and_p_value_are_mcnemars() -> None:
    got = flips(gains=15, losses=4, same=81)
    assert got.difference == pytest.approx(0.11)
    assert (got.better, got.worse, got.n) == (15, 4, 100)
    assert got.p_value == pytest.approx(2 * stats.binom.cdf(4, 19, 0.5), abs=1e-12)  # 0.0192


@pytest.mark.parametrize("levels", [2, 1000])
def test_interval_is_near_scipys_own_bootstrap(levels: int) -> None:
    draws = np.random.default_rng(3)
    mine, theirs = draws.integers(0, levels, 200) / (levels - 1), draws.integers(0, levels, 200) / (levels - 1)
    expected = stats.bootstrap(
        (mine - theirs,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(4)
    ).confidence_interval
    got = compared(mine.tolist(), theirs.tolist())
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), abs=0.006)


@settings(max_examples=30)
@given(rows)
def test_difference_lies_in_its_interval(sample: list[tuple[float, float]]) -> None:
    got = compared([mine for mine, _ in sample], [theirs for _, theirs in sample])
    assert got.low <= got.difference <= got.high


@settings(max_examples=30)
@given(rows, st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(sample: list[tuple[float, float]], shuffler: "np.random.Generator") -> None:
    shuffled = list(sample)
    shuffler.shuffle(shuffled)
    one, other = (compared([mine for mine, _ in part], [theirs for _, theirs in part]) for part in (sample, shuffled))
    assert one == other


@settings(max_examples=30)
@given(rows)
def test_a_variant_never_differs_from_itself(sample: list[tuple[float, float]]) -> None:
    scores = [mine for mine, _ in sample]
    got = compared(scores, scores)
    assert (got.difference, got.low, got.high, got.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert superiority(got).outcome == "not_enough_evidence"


def test_clear_gain_passes_clear_loss_fails_and_a_draw_holds() -> None:
    assert superiority(flips(gains=40, losses=10, same=50)).outcome == "pass"
    assert superiority(flips(gains=10, losses=40, same=50)).outcome == "fail"
    assert superiority(flips(gains=25, losses=25, same=50)).outcome == "not_enough_evidence"


def test_four_gains_without_a_loss_are_not_enough_though_the_interval_leaves_zero() -> None:
    got = flips(gains=4, losses=0, same=96)
    assert got.low > 0
    assert got.p_value == 0.125
    assert superiority(got).outcome == "not_enough_evidence"


def test_where_low_is_good_fewer_is_better() -> None:
    fewer_faults = compared([0.0] * 50, [1.0] * 20 + [0.0] * 30, wants_high=False)
    assert fewer_faults.difference == -0.4
    assert fewer_faults.gain[0] == 0.4
    assert superiority(fewer_faults).outcome == "pass"


def test_holm_is_the_textbook_example() -> None:
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 gives 0.02, 0.03, 0.06, 0.04, and never falls."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_only_raises_keeps_order_and_stays_below_bonferroni(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert len(corrected) == len(p_values)
    for raw, got in zip(p_values, corrected, strict=True):
        assert raw <= got <= min(1.0, raw * len(p_values))
    by_raw = sorted(zip(p_values, corrected, strict=True))
    assert [got for _, got in by_raw] == sorted(corrected)


def aa_rejections(trials: int, n: int, share: float, seed: int) -> int:
    """How many of these A/A comparisons, in which nothing differs but luck, say better or worse."""
    draws = np.random.default_rng(seed)
    found = 0
    for trial in range(trials):
        mine, theirs = (draws.random((2, n)) < share).astype(float)
        verdict = superiority(compared(mine.tolist(), theirs.tolist(), seed=trial))
        found += verdict.outcome != "not_enough_evidence"
    return found


@pytest.mark.parametrize(("n", "share"), [(20, 0.9), (100, 0.97)])
def test_two_equal_variants_are_told_apart_at_most_at_alpha(n: int, share: float) -> None:
    """200 trials at 5%: more than 18 happen with probability 0.006 even at the full level."""
    assert aa_rejections(200, n, share, seed=5) <= 18


@pytest.mark.slow
@pytest.mark.parametrize(("n", "share"), [(20, 0.9), (50, 0.5), (200, 0.97), (500, 0.8)])
def test_two_equal_variants_are_told_apart_at_most_at_alpha_in_many_trials(n: int, share: float) -> None:
    assert aa_rejections(2000, n, share, seed=6) / 2000 <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
