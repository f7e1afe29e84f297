"""The approval of a release as a pure function: a state, an event and a time give the next state and commands."""

from datetime import datetime
from typing import Literal

from luthier.domain.releases import Approval
from luthier.errors import Forbidden, Refused
from luthier.release.stage import require_pass
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

Step = tuple[ApprovalState, tuple[Command, ...]]


def step(state: ApprovalState, event: Event, now: datetime) -> Step:
    """The next state and what must be done about it.

    Every seat of the proposal must be filled by somebody who holds that name or role; one yes fills all seats that
    its giver holds. The release's author fills none. Saying the same twice changes nothing.

    Raises:
        Forbidden: The actor is the author, or holds no seat.
        Refused: Nothing was proposed, the gate does not let the release through, or it was rejected.

    """
    if isinstance(event, Proposed):
        return _propose(state, event)
    _refuse_unentitled(state, event.by)
    match event:
        case Approved():
            return _approve(state, event, now)
        case Rejected():
            return _reject(state, event, now)
        case Revoked():
            return _revoke(state, event)


def _propose(state: ApprovalState, event: Proposed) -> Step:
    release = event.release
    if state.status != "none":
        if state.release_id == release.id:
            return state, ()
        raise Refused(f"this approval is of release {state.release_id}, not of {release.id}")
    if release.gate.variant_digest != release.variant.digest:
        raise Refused(f"the gate of release {release.id} decided on another variant")
    require_pass(release.gate)
    waiting = ApprovalState(status="waiting", release_id=release.id, author=release.author, seats=event.approvers)
    return waiting, (AskFor(release_id=release.id, seats=waiting.seats),)


def _refuse_unentitled(state: ApprovalState, actor: Actor) -> None:
    if state.status == "none":
        raise Refused("no release was proposed", hint="run `luthier release propose` first")
    if actor.name == state.author:
        raise Forbidden(f"{actor.name!r} made release {state.release_id} and cannot decide on it")
    if not any(actor.holds(seat) for seat in state.seats):
        raise Forbidden(
            f"{actor.name!r} is none of the approvers of release {state.release_id}",
            hint=f"ask {', '.join(state.seats)}",
        )


def _approve(state: ApprovalState, event: Approved, now: datetime) -> Step:
    if state.status == "rejected":
        raise Refused(f"release {state.release_id} was rejected and stays so", hint="make a new release")
    given = _record(state, event.by, "approve", event.reason, now)
    newly = {seat: given for seat in state.waiting_for if event.by.holds(seat)}
    if not newly:
        return state, ()
    filled = state.model_copy(update={"filled": {**state.filled, **newly}})
    if filled.waiting_for:
        return filled, (AskFor(release_id=state.release_id, seats=filled.waiting_for),)
    return filled.model_copy(update={"status": "approved"}), (Clear(release_id=state.release_id),)


def _reject(state: ApprovalState, event: Rejected, now: datetime) -> Step:
    if state.status == "rejected":
        return state, ()
    given = _record(state, event.by, "reject", event.reason, now)
    rejected = state.model_copy(update={"status": "rejected", "rejection": given})
    return rejected, (Withhold(release_id=state.release_id, reason=f"{event.by.name} rejected it: {event.reason}"),)


def _revoke(state: ApprovalState, event: Revoked) -> Step:
    kept = {seat: given for seat, given in state.filled.items() if given.approver != event.by.name}
    if state.status == "rejected" or len(kept) == len(state.filled):
        return state, ()
    waiting = state.model_copy(update={"status": "waiting", "filled": kept})
    asking = AskFor(release_id=state.release_id, seats=waiting.waiting_for)
    if state.status == "waiting":
        return waiting, (asking,)
    reason = f"{event.by.name} took the approval back: {event.reason}"
    return waiting, (Withhold(release_id=state.release_id, reason=reason), asking)


def _record(
    state: ApprovalState, by: Actor, decision: Literal["approve", "reject"], reason: str, now: datetime
) -> Approval:
    return Approval(release_id=state.release_id, approver=by.name, decision=decision, reason=reason, at=now)
