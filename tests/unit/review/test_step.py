"""Laws of the review: two different people, blind to each other, and a third where they disagree."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from luthier.errors import NotFound, Refused
from luthier.review.config import ReviewConfig
from luthier.review.step import admitted, disputed, pending, simulated, standing, start, step, visible_marks
from luthier.review.types import (
    Adjudicated,
    AskAdjudicator,
    Overridden,
    Queued,
    ReviewEvent,
    ReviewState,
    Settle,
    Submitted,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENTS: TypeAdapter[ReviewEvent] = TypeAdapter(ReviewEvent)


def played(*events: ReviewEvent, rows: tuple[str, ...] = ("r1", "r2", "r3")) -> ReviewState:
    state = start(ReviewConfig(), rows)
    for event in events:
        state, _ = step(state, event, NOW)
    return state


def test_a_row_is_admitted_only_after_two_people_accepted_it() -> None:
    one = played(Submitted(reviewer="anna", marks={"r1": "accept"}))
    two, commands = step(one, Submitted(reviewer="bob", marks={"r1": "accept"}), NOW)
    assert admitted(one, ["r1"]) == frozenset()
    assert admitted(two, ["r1", "r2", "never-queued"]) == {"r1"}
    assert commands == (Settle(row_id="r1", standing="accepted"),)


@pytest.mark.parametrize("same", ["anna", "Anna", "  ANNA "])
def test_one_person_cannot_be_both_reviewers(same: str) -> None:
    state = played(Submitted(reviewer="anna", marks={"r1": "accept"}))
    with pytest.raises(Refused, match="cannot be both reviewers"):
        step(state, Submitted(reviewer=same, marks={"r1": "accept"}), NOW)


def test_a_refused_submission_keeps_none_of_its_marks() -> None:
    state = played(Submitted(reviewer="anna", marks={"r1": "accept"}))
    with pytest.raises(Refused, match="r9"):
        step(state, Submitted(reviewer="bob", marks={"r1": "accept", "r9": "accept"}), NOW)
    assert pending(state) == ("r1", "r2", "r3")


def test_b_sees_nothing_of_a_before_submitting_and_all_of_it_afterwards() -> None:
    state = played(Submitted(reviewer="anna", marks={"r1": "reject", "r2": "accept"}))
    assert visible_marks(state, "bob") == {}
    assert set(visible_marks(state, "anna")) == {"r1", "r2"}
    state, _ = step(state, Submitted(reviewer="bob", marks={"r1": "accept"}), NOW)
    assert {mark.reviewer for mark in visible_marks(state, "bob")["r1"]} == {"anna", "bob"}
    assert set(visible_marks(state, "carol")) == {"r1"}


def test_a_disputed_row_stays_out_until_a_third_person_decides() -> None:
    state = played(Submitted(reviewer="anna", marks={"r1": "reject"}))
    state, commands = step(state, Submitted(reviewer="bob", marks={"r1": "accept"}), NOW)
    assert commands == (AskAdjudicator(row_id="r1", not_by=("anna", "bob")),)
    assert disputed(state) == ("r1",)
    assert admitted(state, ["r1"]) == frozenset()
    decision = Adjudicated(by="carol", row_id="r1", decision="accept", reason="the amount is right")
    state, commands = step(state, decision, NOW)
    assert admitted(state, ["r1"]) == {"r1"}
    assert commands == (Settle(row_id="r1", standing="accepted"),)


@pytest.mark.parametrize("party", ["anna", "BOB"])
def test_a_party_to_the_dispute_cannot_settle_it(party: str) -> None:
    state = played(
        Submitted(reviewer="anna", marks={"r1": "reject"}), Submitted(reviewer="bob", marks={"r1": "accept"})
    )
    with pytest.raises(Refused, match="cannot settle"):
        step(state, Adjudicated(by=party, row_id="r1", decision="accept", reason="I was right"), NOW)


def test_only_a_disputed_row_is_adjudicated() -> None:
    with pytest.raises(Refused, match="pending"):
        step(played(), Adjudicated(by="carol", row_id="r1", decision="accept", reason="why not"), NOW)
    with pytest.raises(NotFound):
        step(played(), Adjudicated(by="carol", row_id="r9", decision="accept", reason="why not"), NOW)


def test_an_override_lets_unreviewed_rows_in_but_no_rejected_or_disputed_ones() -> None:
    waive = Overridden(by="head", reason="demo", rows=("r2",))
    assert admitted(played(waive), ["r1", "r2"]) == {"r2"}
    rejected = played(Submitted(reviewer="anna", marks={"r2": "reject"}))
    with pytest.raises(Refused, match="rejected by a reviewer"):
        step(rejected, waive, NOW)
    split, _ = step(rejected, Submitted(reviewer="bob", marks={"r2": "accept"}), NOW)
    with pytest.raises(Refused, match="disputed"):
        step(split, waive, NOW)


def test_queueing_a_row_again_keeps_its_reviews() -> None:
    state = played(Submitted(reviewer="anna", marks={"r1": "accept"}), Queued(rows=("r1", "r4"), reason="failed case"))
    assert pending(state, "anna") == ("r4", "r2", "r3")
    assert pending(state, "bob") == ("r1", "r4", "r2", "r3")


def test_marks_that_nobody_made_are_named() -> None:
    state = played(Submitted(reviewer="demo-1", marks={"r1": "accept"}, simulated=True))
    assert simulated(state) == ("r1",)


@st.composite
def histories(draw: st.DrawFn) -> list[ReviewEvent]:
    people, rows = st.sampled_from(["anna", "bob", "carol"]), st.sampled_from(["r1", "r2", "r3"])
    marks = st.sampled_from(["accept", "reject"])
    submitted = st.builds(Submitted, reviewer=people, marks=st.dictionaries(rows, marks, min_size=1))
    adjudicated = st.builds(Adjudicated, by=people, row_id=rows, decision=marks, reason=st.just("talked"))
    overridden = st.builds(Overridden, by=people, reason=st.just("late"), rows=st.tuples(rows))
    return draw(st.lists(submitted | adjudicated | overridden, max_size=12))


@given(histories())
def test_whatever_happens_every_admitted_row_has_two_different_people_or_a_ruling(events: list[ReviewEvent]) -> None:
    state = played()
    for event in events:
        try:
            state, _ = step(state, event, NOW)
        except Refused:
            continue
    for row in admitted(state, state.rows):
        review = state.rows[row]
        agreed = len({mark.reviewer for mark in review.marks}) == 2 and {m.mark for m in review.marks} == {"accept"}
        assert agreed or review.ruling is not None
        assert len(review.marks) == len({mark.reviewer for mark in review.marks})


@given(histories())
def test_states_and_events_survive_json_and_replay_to_the_same_state(events: list[ReviewEvent]) -> None:
    state, kept = played(), []
    for event in events:
        try:
            state, _ = step(state, event, NOW)
        except Refused:
            continue
        kept.append(event.model_dump_json())
    again = played(*[EVENTS.validate_json(text) for text in kept])
    assert again == state == ReviewState.model_validate(json.loads(state.model_dump_json()))
    assert all(standing(state, row) for row in state.rows)
