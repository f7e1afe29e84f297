"""The rollout controller: whole histories on a virtual clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.routes import BUCKETS, Route, RouteTable, bucket_of
from luthier.domain.variants import ModelRef, Variant
from luthier.errors import Refused
from luthier.rollout.config import RolloutConfig
from luthier.rollout.step import step
from luthier.rollout.types import (
    GoBack,
    Killed,
    MakeStable,
    Observed,
    Resumed,
    RolloutState,
    SetShare,
    SetSwitch,
    Started,
    Tally,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = RolloutConfig(min_interactions=40, bake_hours=48)
GOOD = Observed(
    canary={"error_rate": Tally(hits=0, n=400), "invalid_call": Tally(hits=4, n=400), "solved": Tally(hits=380, n=400)},
    stable={"error_rate": Tally(hits=0, n=400), "invalid_call": Tally(hits=4, n=400), "solved": Tally(hits=370, n=400)},
)


def started() -> RolloutState:
    return step(RolloutState(), Started(release="r2", previous="r1", rules=CONFIG), NOON)[0]


def test_a_good_release_takes_every_stage_and_becomes_stable() -> None:
    state, now, shares = started(), NOON, [5.0]
    for _ in range(4):
        now += timedelta(hours=48)
        state, commands = step(state, GOOD, now)
        shares += [command.percent for command in commands if isinstance(command, SetShare)]
    assert shares == [5, 25, 50, 100]
    assert state.status == "completed"
    assert MakeStable(release="r2") in commands


def test_one_minute_short_of_the_bake_time_does_not_promote() -> None:
    state, commands = step(started(), GOOD, NOON + timedelta(hours=47, minutes=59))
    assert state.stage == 0
    assert commands == ()


def test_low_traffic_holds_however_long_it_bakes() -> None:
    few = Observed(canary={"error_rate": Tally(hits=0, n=39)}, stable={})
    state, commands = step(started(), few, NOON + timedelta(days=90))
    assert (state.status, state.stage, commands) == ("running", 0, ())


@pytest.mark.parametrize("others", [{}, {"solved": Tally(hits=39, n=39)}])
def test_a_comparison_with_a_stable_release_that_showed_nothing_holds(others: dict[str, Tally]) -> None:
    state, commands = step(started(), GOOD.model_copy(update={"stable": others}), NOON + timedelta(days=9))
    assert (state.status, state.stage, commands) == ("running", 0, ())
    assert "to compare with" in state.reason


def test_a_metric_nobody_reported_holds() -> None:
    silent = GOOD.model_copy(update={"canary": {k: v for k, v in GOOD.canary.items() if k != "invalid_call"}})
    state, commands = step(started(), silent, NOON + timedelta(hours=49))
    assert (state.stage, commands) == (0, ())
    assert "invalid_call: 0 interactions" in state.reason


def test_a_canary_proven_worse_goes_back_before_its_bake_time() -> None:
    worse = Observed(
        canary={"error_rate": Tally(hits=0, n=20), "invalid_call": Tally(hits=0, n=20), "solved": Tally(hits=1, n=20)},
        stable={"solved": Tally(hits=340, n=380)},
    )
    state, commands = step(started(), worse, NOON + timedelta(minutes=5))
    assert state.status == "reverted"
    assert "solved" in state.reason
    assert commands[0] == GoBack(to="r1")


def test_a_broken_line_goes_back() -> None:
    broken = Observed(canary={"invalid_call": Tally(hits=20, n=40)}, stable={})
    state, _ = step(started(), broken, NOON + timedelta(minutes=5))
    assert state.status == "reverted"


def test_a_second_rollout_is_refused_while_one_runs() -> None:
    with pytest.raises(Refused, match="r2 is running"):
        step(started(), Started(release="r3", previous="r1", rules=CONFIG), NOON)


def test_after_the_kill_switch_nothing_moves_until_somebody_resumes() -> None:
    killed, commands = step(started(), Killed(by="sre", reason="wrong prices"), NOON)
    assert SetSwitch(killed=True) in commands
    assert step(killed, GOOD, NOON + timedelta(days=9)) == (killed, ())
    resumed, commands = step(killed, Resumed(by="sre", reason="fixed"), NOON)
    assert commands == (SetSwitch(killed=False),)
    assert resumed.status == "idle"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 100)), max_size=12))
def test_replaying_a_history_gives_the_same_end(looks: list[tuple[int, int, int]]) -> None:
    def play() -> RolloutState:
        state, now = started(), NOON
        for hits, more, hours in looks:
            seen = Observed(canary={"invalid_call": Tally(hits=hits, n=hits + more)}, stable={})
            now += timedelta(hours=hours)
            state, _ = step(state, seen, now)
        return state

    assert play() == play()


def table(percent: float) -> RouteTable:
    variant = Variant(name="v", model=ModelRef(engine="local", id="m"), prompt="")
    old, new = (Route(release_id=name, variant=variant, model=name) for name in ("old", "new"))
    return RouteTable(version=1, stable=old, canary=new, canary_percent=percent, salt="s")


@given(st.text(min_size=1), st.floats(0, 100), st.floats(0, 100))
def test_raising_the_share_moves_no_user_out_of_the_canary(user: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    if table(low).route_for(user)[0] == "canary":
        assert table(high).route_for(user)[0] == "canary"


def test_the_split_of_users_lies_within_the_binomial_interval() -> None:
    for percent, low, high in ((5, 2_284, 2_718), (25, 12_182, 12_820), (50, 24_632, 25_368)):  # 99.9% of Bin(50000)
        inside = sum(table(percent).route_for(f"user-{i}")[0] == "canary" for i in range(50_000))
        assert low <= inside <= high


def test_every_bucket_lies_in_range_and_a_killed_table_serves_the_fallback() -> None:
    assert all(0 <= bucket_of(f"u{i}", "s") < BUCKETS for i in range(1000))
    killed = table(50).model_copy(update={"switch": "killed", "fallback": table(0).stable})
    assert {killed.route_for(f"u{i}")[0] for i in range(50)} == {"fallback"}
