from hypothesis import given
from hypothesis import strategies as st

from luthier.train.config import EarlyStoppingConfig
from luthier.train.stopping import Best

losses = st.lists(st.floats(0.01, 9, allow_nan=False), min_size=1, max_size=40)


def _after_all(seen: list[float], min_delta: float = 0.0) -> Best:
    best = Best.first(seen[0])
    for step, loss in enumerate(seen[1:], 1):
        best = best.after(step, loss, min_delta=min_delta)
    return best


@given(losses, st.floats(0, 1))
def test_the_lowest_loss_is_kept_whatever_counts_as_an_improvement(seen: list[float], min_delta: float) -> None:
    best = _after_all(seen, min_delta)
    assert (best.loss, best.step) == (min(seen), seen.index(min(seen)))


def test_the_wait_ends_after_patience_evaluations_without_improvement() -> None:
    patience = EarlyStoppingConfig(patience=2)
    assert not _after_all([3.0, 2.0, 2.5]).is_enough(patience)
    assert _after_all([3.0, 2.0, 2.5, 2.1]).is_enough(patience)
    assert not _after_all([3.0, 2.0, 2.5, 1.9, 1.95]).is_enough(patience)


def test_small_gains_are_kept_and_do_not_prolong_the_wait() -> None:
    best = _after_all([3.0, 2.99, 2.98, 2.97], min_delta=0.1)
    assert (best.step, best.stale) == (3, 3)


def test_small_gains_that_add_up_to_the_margin_do_prolong_it() -> None:
    assert _after_all([3.0, 2.96, 2.89], min_delta=0.1).stale == 0


def test_without_patience_nothing_is_ever_enough() -> None:
    assert not _after_all([1.0] * 40).is_enough(None)
