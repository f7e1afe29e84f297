import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.verdicts import Outcome, Verdict
from luthier.errors import UserError
from luthier.train.config import LoraConfig, TrainConfig
from luthier.train.lab.ladder import RUNGS, LadderState, Rung, Tried, begin, due, settings_on, step

WHY = "An adapter of rank 64 was tried and misses two KPIs."
outcomes = st.sampled_from(["pass", "fail", "not_enough_evidence"])


def tried(rung: Rung, outcome: Outcome) -> Tried:
    return Tried(rung=rung, run="0" * 64, verdict=Verdict(outcome=outcome, reasons=(f"{rung} said {outcome}",)))


def climbed(*results: Outcome) -> LadderState:
    state = begin()
    for outcome in results:
        standing = state.standing
        assert standing is not None
        state = step(state, tried(standing, outcome))
    return state


def test_the_cheapest_rung_comes_first() -> None:
    command = due(begin(), justification=None)
    assert (command.kind, getattr(command, "rung", None)) == ("try", "qlora")


def test_a_failed_gate_climbs_one_rung_and_tells_why() -> None:
    command = due(climbed("fail"), justification=None)
    assert (command.kind, getattr(command, "rung", None)) == ("try", "lora")
    assert "qlora said fail" in command.reason


def test_a_rung_that_passes_ends_the_climb() -> None:
    command = due(climbed("fail", "pass"), justification=WHY)
    assert (command.kind, getattr(command, "outcome", None)) == ("stop", "good_enough")


def test_a_gate_that_cannot_tell_ends_the_climb_and_asks_for_measurements() -> None:
    command = due(climbed("not_enough_evidence"), justification=WHY)
    assert (command.kind, getattr(command, "outcome", None)) == ("stop", "measure_more")


def test_every_weight_trains_only_with_a_justification() -> None:
    state = climbed("fail", "fail")
    assert due(state, justification=None).kind == "ask_for_justification"
    command = due(state, justification=WHY)
    assert (command.kind, getattr(command, "rung", None)) == ("try", "full")


def test_above_the_last_rung_there_is_nothing_to_try() -> None:
    assert getattr(due(climbed("fail", "fail", "fail"), justification=WHY), "outcome", None) == "top_reached"


@given(st.lists(outcomes, max_size=3))
def test_no_rung_is_tried_unless_every_cheaper_one_failed(results: list[Outcome]) -> None:
    command = due(climbed(*results), justification=WHY)
    if command.kind == "try":
        assert all(outcome == "fail" for outcome in results)
        assert command.rung == RUNGS[len(results)]


@given(st.sampled_from(RUNGS), outcomes)
def test_word_of_a_rung_that_is_not_stood_on_changes_nothing(rung: Rung, outcome: Outcome) -> None:
    state = climbed("fail")
    assert (step(state, tried(rung, outcome)) == state) == (rung != "lora")


def test_a_ladder_may_leave_rungs_out_but_not_turn_them_round() -> None:
    assert begin(("full", "lora")).rungs == ("lora", "full")


def test_rungs_differ_in_the_adapter_alone() -> None:
    config = TrainConfig(adapter=LoraConfig(rank=8, dropout=0.1), epochs=3)
    qlora, lora = (settings_on(config, rung, justification=None) for rung in ("qlora", "lora"))
    assert (qlora.adapter.kind, qlora.adapter.rank, qlora.adapter.dropout) == ("qlora", 8, 0.1)
    assert lora == config
    full = settings_on(config, "full", justification=WHY)
    assert (full.adapter.kind, full.justification, full.epochs) == ("none", WHY, 3)


def test_settings_of_the_last_rung_without_a_justification_are_refused() -> None:
    with pytest.raises(UserError, match="justification"):
        settings_on(TrainConfig(), "full", justification=None)
