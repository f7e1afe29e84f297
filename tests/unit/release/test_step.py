"""Approvals over single events, then over random histories."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import Forbidden, LuthierError, NotEnoughEvidence, Refused
from luthier.release.step import step
from luthier.release.types import (
    Actor,
    ApprovalState,
    Approved,
    AskFor,
    Clear,
    Command,
    Event,
    Proposed,
    Rejected,
    Revoked,
    Withhold,
)
from tests.unit.release.made_up import NOW, PROMPT, gate, release

SEATS = ("head-of-sales-ops", "legal")
ANN = Actor(name="ann", roles=frozenset({"head-of-sales-ops", "legal"}))  # the author, though she holds every role
BOB, CAT = Actor(name="bob", roles=frozenset({"head-of-sales-ops"})), Actor(name="cat", roles=frozenset({"legal"}))
DAN, LEGAL = Actor(name="dan", roles=frozenset({"admin"})), Actor(name="legal")
PROPOSED = Proposed(release=release(), approvers=SEATS)


def after(*events: Event, state: ApprovalState | None = None) -> tuple[ApprovalState, tuple[Command, ...]]:
    """The state after these events and the commands of the last one."""
    state, commands = state or ApprovalState(), ()
    for event in events:
        state, commands = step(state, event, NOW)
    return state, commands


def yes(actor: Actor) -> Approved:
    return Approved(by=actor, reason="read the report")


def no(actor: Actor) -> Rejected:
    return Rejected(by=actor, reason="figures too thin")


def back(actor: Actor) -> Revoked:
    return Revoked(by=actor, reason="saw a new complaint")


def test_a_proposed_release_waits_for_every_seat() -> None:
    state, commands = after(PROPOSED)
    assert (state.status, state.waiting_for) == ("waiting", ("head-of-sales-ops", "legal"))
    assert commands == (AskFor(release_id="r-1", seats=("head-of-sales-ops", "legal")),)


def test_one_yes_of_two_still_waits_and_the_last_clears() -> None:
    state, commands = after(PROPOSED, yes(BOB))
    assert (state.status, commands) == ("waiting", (AskFor(release_id="r-1", seats=("legal",)),))
    state, commands = after(yes(CAT), state=state)
    assert (state.status, commands) == ("approved", (Clear(release_id="r-1"),))
    assert {seat: given.approver for seat, given in state.filled.items()} == {
        "head-of-sales-ops": "bob",
        "legal": "cat",
    }


def test_a_seat_is_held_by_name_too() -> None:
    assert after(PROPOSED, yes(BOB), yes(LEGAL))[0].status == "approved"


@pytest.mark.parametrize("deed", [yes, no, back])
def test_the_author_decides_nothing_whatever_her_roles(deed: type[Approved]) -> None:
    with pytest.raises(Forbidden, match="'ann' made release r-1"):
        after(PROPOSED, deed(ANN))  # type: ignore[arg-type,call-arg]


@pytest.mark.parametrize("deed", [yes, no, back])
def test_who_holds_no_seat_decides_nothing_even_as_admin(deed: type[Approved]) -> None:
    with pytest.raises(Forbidden, match="none of the approvers"):
        after(PROPOSED, deed(DAN))  # type: ignore[arg-type,call-arg]


@pytest.mark.parametrize(("outcome", "error"), [("fail", Refused), ("not_enough_evidence", NotEnoughEvidence)])
def test_what_the_gate_stops_is_not_even_proposed(outcome: str, error: type[LuthierError]) -> None:
    with pytest.raises(error):
        after(Proposed(release=release(gate(outcome)), approvers=SEATS))


def test_a_gate_of_another_variant_carries_no_proposal() -> None:
    with pytest.raises(Refused, match="another variant"):
        after(Proposed(release=release(gate(variant=PROMPT)), approvers=SEATS))


def test_nothing_can_be_decided_before_a_proposal() -> None:
    with pytest.raises(Refused, match="no release was proposed"):
        after(yes(BOB))


def test_another_release_cannot_take_over_an_approval() -> None:
    other = release().model_copy(update={"id": "r-2"})
    with pytest.raises(Refused, match="not of r-2"):
        after(PROPOSED, Proposed(release=other, approvers=SEATS))


def test_one_no_rejects_even_after_approval_and_a_later_yes_is_refused() -> None:
    state, commands = after(PROPOSED, yes(BOB), yes(CAT), no(CAT))
    assert state.status == "rejected"
    assert commands == (Withhold(release_id="r-1", reason="cat rejected it: figures too thin"),)
    with pytest.raises(Refused, match="was rejected and stays so"):
        after(yes(BOB), state=state)


def test_a_yes_taken_back_withholds_an_approved_release() -> None:
    state, commands = after(PROPOSED, yes(BOB), yes(CAT), back(BOB))
    assert (state.status, state.waiting_for) == ("waiting", ("head-of-sales-ops",))
    assert [command.kind for command in commands] == ["withhold", "ask_for"]
    assert after(yes(BOB), state=state)[0].status == "approved"


def test_who_gave_no_yes_takes_none_back() -> None:
    before, _ = after(PROPOSED, yes(BOB))
    assert after(back(CAT), state=before) == (before, ())


def test_the_record_holds_who_when_and_why() -> None:
    state, _ = after(PROPOSED, yes(BOB))
    given = state.filled["head-of-sales-ops"]
    assert (given.release_id, given.approver, given.decision, given.reason, given.at) == (
        "r-1", "bob", "approve", "read the report", NOW,
    )  # fmt: skip


def test_an_event_is_kept_with_roles_in_order() -> None:
    many = Actor(name="eve", roles=frozenset("hgfedcba"))
    assert many.model_dump(mode="json")["roles"] == list("abcdefgh")


actors = st.sampled_from([ANN, BOB, CAT, DAN, LEGAL])
events = st.one_of(
    st.just(PROPOSED),
    st.just(Proposed(release=release(gate("fail")), approvers=SEATS)),
    st.builds(Approved, by=actors, reason=st.just("yes")),
    st.builds(Rejected, by=actors, reason=st.just("no")),
    st.builds(Revoked, by=actors, reason=st.just("back")),
)


def walk(history: Sequence[Event]) -> list[tuple[ApprovalState, tuple[Command, ...], Event, bool]]:
    """Every state with the event that led to it; a refused event leaves the state as it was."""
    state, walked = ApprovalState(), []
    for number, event in enumerate(history):
        commands: tuple[Command, ...] = ()
        try:
            state, commands = step(state, event, NOW + timedelta(minutes=number))
            walked.append((state, commands, event, True))
        except LuthierError:
            walked.append((state, commands, event, False))
    return walked


@given(st.lists(events, max_size=25))
def test_only_named_approvers_other_than_the_author_ever_fill_a_seat(history: list[Event]) -> None:
    for state, _, _, _ in walk(history):
        assert set(state.filled) <= set(SEATS)
        assert all(given.approver in {"bob", "cat", "legal"} for given in state.filled.values())
        assert all(given.approver != state.author for given in state.filled.values())


@given(st.lists(events, max_size=25))
def test_approved_means_every_seat_is_filled_and_nobody_said_no(history: list[Event]) -> None:
    for state, _, _, _ in walk(history):
        everybody = set(state.filled) == set(SEATS)
        assert (state.status == "approved") == (everybody and state.rejection is None)


@given(st.lists(events, max_size=25))
def test_rejected_stays_rejected(history: list[Event]) -> None:
    statuses = [state.status for state, _, _, _ in walk(history)]
    if "rejected" in statuses:
        assert set(statuses[statuses.index("rejected") :]) == {"rejected"}


@given(st.lists(events, max_size=25))
def test_a_release_is_cleared_exactly_when_it_becomes_approved_and_withheld_when_it_ceases_to_be(
    history: list[Event],
) -> None:
    before = "none"
    for state, commands, _, _ in walk(history):
        became, ceased = state.status == "approved" != before, before == "approved" != state.status
        assert any(isinstance(command, Clear) for command in commands) == became
        if ceased:
            assert any(isinstance(command, Withhold) for command in commands)
        before = state.status


@given(st.lists(events, max_size=25))
def test_the_same_event_twice_changes_nothing_more(history: list[Event]) -> None:
    state = ApprovalState()
    for event in history:
        try:
            state, _ = step(state, event, NOW)
        except LuthierError:
            continue
        assert step(state, event, NOW + timedelta(days=1)) == (state, ())


@given(st.lists(events, max_size=25))
def test_a_history_kept_as_json_replays_to_the_same_state(history: list[Event]) -> None:
    kept = [type(event).model_validate_json(event.model_dump_json()) for event in history]
    assert [walked[0] for walked in walk(kept)] == [walked[0] for walked in walk(history)]
