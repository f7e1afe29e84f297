import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.train.config import Scheduler
from luthier.train.schedule import rate_share, steps_that_fit

schedulers = st.sampled_from(["cosine", "linear", "constant"])


@given(st.integers(1, 400), st.floats(0, 0.99), schedulers)
def test_every_step_moves_and_none_exceeds_the_peak(steps: int, warmup: float, scheduler: Scheduler) -> None:
    shares = [rate_share(step, steps, warmup_share=warmup, scheduler=scheduler) for step in range(1, steps + 1)]
    assert all(0 < share <= 1 for share in shares)
    assert max(shares) == 1.0
    peak = shares.index(1.0)
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)


def test_cosine_is_at_half_its_peak_half_way_after_the_warm_up() -> None:
    # 10 of 110 steps warm up; step 61 has 50 of the 100 others behind it: (1 + cos(pi / 2)) / 2
    assert rate_share(61, 110, warmup_share=10 / 110, scheduler="cosine") == pytest.approx(0.5)
    assert rate_share(5, 110, warmup_share=10 / 110, scheduler="cosine") == pytest.approx(0.5)
    assert rate_share(36, 110, warmup_share=10 / 110, scheduler="cosine") == pytest.approx((1 + math.sqrt(0.5)) / 2)


def _fit(planned: int, done: int, seconds: float, limit: float | None, *, before: float = 0.0) -> int:
    return steps_that_fit(planned, done=done, seconds=seconds, first_step_at=before, limit_seconds=limit)


def test_a_run_twice_too_slow_is_cut_to_half_its_steps() -> None:
    assert _fit(100, 20, 40.0, 100.0) == 50


def test_a_run_within_its_time_keeps_its_plan() -> None:
    assert _fit(100, 20, 19.0, 100.0) == 100
    assert _fit(100, 20, 1e9, None) == 100


def test_the_first_steps_are_too_few_to_judge_the_pace_by() -> None:
    assert _fit(100, 1, 9.0, 100.0) == 100


def test_a_slow_start_is_no_part_of_the_pace() -> None:
    # 60 of 100 seconds went before the first step; 10 steps in 10 seconds leave 30 seconds for 30 more
    assert _fit(100, 10, 70.0, 100.0, before=60.0) == 40


@given(st.integers(1, 999), st.integers(1, 999), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.001, 1e6))
def test_steps_done_are_never_planned_away(planned: int, done: int, before: float, more: float, limit: float) -> None:
    fit = _fit(max(planned, done), done, before + more, limit, before=before)
    assert done <= fit <= max(planned, done)


@given(st.integers(1, 999), st.floats(0, 1e3), st.floats(0.01, 1e6), st.floats(0.001, 1e6))
def test_no_step_is_planned_once_the_time_is_over(done: int, before: float, more: float, limit: float) -> None:
    if before + more > limit:
        assert _fit(done + 1000, done, before + more, limit, before=before) == done
