from hypothesis import given
from hypothesis import strategies as st

from luthier.cli.voice import Pace, duration


def test_what_is_left_follows_the_pace_since_the_run_was_first_heard_of() -> None:
    # a resumed run is first heard of at step 40; 10 steps took 5 s, so 50 more take 25 s
    pace = Pace.after(Pace.after(None, 40, 100.0), 50, 105.0)
    assert pace.seconds_left(50, 100, 105.0) == 25.0


def test_nothing_is_said_before_there_is_a_pace_and_at_the_end() -> None:
    pace = Pace.after(None, 0, 0.0)
    assert pace.seconds_left(0, 100, 9.0) is None
    assert Pace.after(pace, 100, 50.0).seconds_left(100, 100, 50.0) is None


def test_a_count_that_falls_begins_a_new_run() -> None:
    old = Pace.after(Pace.after(None, 0, 0.0), 90, 10.0)
    assert Pace.after(old, 0, 20.0).seconds_left(0, 10, 30.0) is None


@given(st.integers(1, 999), st.integers(2, 1000), st.floats(0.1, 1e5))
def test_time_left_is_never_below_nought(done: int, of: int, seconds: float) -> None:
    pace = Pace.after(Pace.after(None, 0, 0.0), done, seconds)
    left = pace.seconds_left(done, of, seconds)
    assert left is None or left > 0


def test_times_are_told_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (45, 89, 720, 11100)] == ["45 s", "89 s", "12 min", "3 h 05 min"]
