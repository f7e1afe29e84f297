import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from luthier.domain.sequential import confidence_sequence

shares = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_nothing_seen_says_nothing() -> None:
    assert confidence_sequence(0, 0) == (0.0, 1.0)


def test_bounds_after_no_hit_in_n_have_a_closed_form() -> None:
    """The mixture's likelihood is 1 / (n + 1), so the border is where (1 - p) ** n = 0.05 / (n + 1)."""
    low, high = confidence_sequence(0, 100)
    assert low == 0.0
    assert high == pytest.approx(1 - (0.05 / 101) ** (1 / 100), abs=1e-9)


@given(shares)
def test_it_holds_the_share_and_is_wider_than_a_single_look(share: tuple[int, int]) -> None:
    hits, n = share
    low, high = confidence_sequence(hits, n)
    once = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert 0.0 <= low <= hits / n <= high <= 1.0
    assert high - low >= once.high - once.low


@given(shares)
def test_wrong_is_the_mirror_of_right(share: tuple[int, int]) -> None:
    hits, n = share
    low, high = confidence_sequence(hits, n)
    assert confidence_sequence(n - hits, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(shares)
def test_less_doubt_allowed_is_a_wider_interval(share: tuple[int, int]) -> None:
    hits, n = share
    loose, strict = confidence_sequence(hits, n, alpha=0.1), confidence_sequence(hits, n, alpha=0.01)
    assert strict[0] <= loose[0]
    assert loose[1] <= strict[1]


def misses(paths: int, length: int, share: float, seed: int) -> int:
    """How many paths ever leave the interval when somebody looks after every single row."""
    seen = (np.random.default_rng(seed).random((paths, length)) < share).cumsum(axis=1)
    borders: dict[tuple[int, int], bool] = {}

    def leaves(hits: int, n: int) -> bool:
        if (hits, n) not in borders:
            low, high = confidence_sequence(hits, n)
            borders[hits, n] = not low <= share <= high
        return borders[hits, n]

    return sum(any(leaves(int(hits), n) for n, hits in enumerate(path, start=1)) for path in seen)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_looking_after_every_row_still_covers(share: float) -> None:
    """100 paths at 5%: more than 11 misses happen with probability 0.004 even at the full level."""
    assert misses(100, 150, share, seed=2) <= 11


def test_a_single_look_interval_does_not_survive_the_same_looking() -> None:
    """The guard can fail: Wilson's interval, looked at after every row, misses far more than one time in twenty."""
    seen = (np.random.default_rng(2).random((100, 150)) < 0.5).cumsum(axis=1)
    n = np.arange(1, 151)
    centre, half = (
        (seen / n + 1.92 / n) / (1 + 3.84 / n),
        1.96 / (1 + 3.84 / n) * np.sqrt(seen / n * (1 - seen / n) / n + 0.96 / n**2),
    )
    assert (np.abs(centre - 0.5) > half).any(axis=1).sum() > 20


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_looking_after_every_row_still_covers_on_long_paths(share: float) -> None:
    assert misses(1000, 1000, share, seed=3) / 1000 <= 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5
