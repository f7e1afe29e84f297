"""The rollout controller as a pure function: a state, an event and a time give the next state and commands."""

from datetime import datetime, timedelta

from luthier.domain.verdicts import Verdict
from luthier.errors import Refused
from luthier.rollout.checks import stage_verdict
from luthier.rollout.types import (
    Adopted,
    Alert,
    Command,
    Event,
    GoBack,
    Killed,
    MakeStable,
    Observed,
    Resumed,
    RevertAsked,
    RolloutState,
    SetShare,
    SetSwitch,
    StageRecord,
    Started,
)

Step = tuple[RolloutState, tuple[Command, ...]]


def step(state: RolloutState, event: Event, now: datetime) -> Step:
    """The next state and what must be done about it; the same history always gives the same end."""
    match event:
        case Adopted():
            return _adopt(state, event)
        case Started():
            return _start(state, event, now)
        case Observed():
            return _observe(state, event, now)
        case Killed():
            return _kill(state, event, now)
        case Resumed():
            return _resume(state, event)
        case RevertAsked():
            return _revert(state, f"{event.by} asked for it: {event.reason}", None, now)


def _adopt(state: RolloutState, event: Adopted) -> Step:
    if state.status != "idle" or state.release is not None:
        raise Refused(f"release {state.release} answers already", hint="start a rollout of the new release instead")
    adopted = RolloutState(status="completed", release=event.release, reason="the first release")
    return adopted, (MakeStable(release=event.release),)


def _start(state: RolloutState, event: Started, now: datetime) -> Step:
    if state.status in {"running", "killed"}:
        raise Refused(
            f"release {event.release} cannot start: release {state.release} is {state.status}",
            hint="finish it, revert it, or resume from the kill switch first",
        )
    first = event.rules.stages[0]
    started = RolloutState(
        status="running",
        rules=event.rules, release=event.release, previous=event.previous, entered_at=now,
        history=(StageRecord(percent=first, entered_at=now),),
    )  # fmt: skip
    return started, (SetShare(release=event.release, percent=first),)


def _observe(state: RolloutState, event: Observed, now: datetime) -> Step:
    if state.status != "running" or state.entered_at is None:
        return state, ()
    verdict = stage_verdict(state.rules, event.canary, event.stable)
    if verdict.outcome == "fail":
        return _revert(state, "; ".join(verdict.reasons), verdict, now)
    baked = now - state.entered_at >= timedelta(hours=state.rules.bake_hours)
    if verdict.outcome == "pass" and baked:
        return _advance(state, verdict, now)
    waiting = (
        "" if baked else f"; bakes until {(state.entered_at + timedelta(hours=state.rules.bake_hours)).isoformat()}"
    )
    return state.model_copy(update={"reason": "; ".join(verdict.reasons) + waiting}), ()


def _advance(state: RolloutState, verdict: Verdict, now: datetime) -> Step:
    history = _close_stage(state, verdict, now)
    following = state.stage + 1
    if following == len(state.rules.stages):
        done = {"status": "completed", "reason": "every stage passed", "history": history}
        release = str(state.release)
        commands = (MakeStable(release=release), Alert(summary=f"release {release} serves everybody"))
        return state.model_copy(update=done), commands
    percent = state.rules.stages[following]
    moved = {
        "stage": following,
        "entered_at": now,
        "reason": f"stage passed: {'; '.join(verdict.reasons)}",
        "history": (*history, StageRecord(percent=percent, entered_at=now)),
    }
    return state.model_copy(update=moved), (SetShare(release=str(state.release), percent=percent),)


def _revert(state: RolloutState, reason: str, verdict: Verdict | None, now: datetime) -> Step:
    if state.status not in {"running", "completed"} or state.previous is None:
        raise Refused(f"nothing to revert: the rollout is {state.status}", hint="see `luthier rollout status`")
    back = state.model_copy(
        update={"status": "reverted", "reason": reason, "history": _close_stage(state, verdict, now)}
    )
    return back, (GoBack(to=state.previous), Alert(summary=f"release {state.release} was taken back: {reason}"))


def _kill(state: RolloutState, event: Killed, now: datetime) -> Step:
    reason = f"kill switch by {event.by}: {event.reason}"
    killed = state.model_copy(update={"status": "killed", "reason": reason, "history": _close_stage(state, None, now)})
    return killed, (SetSwitch(killed=True), Alert(summary=reason))


def _resume(state: RolloutState, event: Resumed) -> Step:
    if state.status != "killed":
        raise Refused(f"nothing to resume: the rollout is {state.status}", hint="see `luthier rollout status`")
    reason = f"resumed by {event.by}: {event.reason}"
    return state.model_copy(update={"status": "idle", "reason": reason}), (SetSwitch(killed=False),)


def _close_stage(state: RolloutState, verdict: Verdict | None, now: datetime) -> tuple[StageRecord, ...]:
    if not state.history or state.history[-1].left_at is not None:
        return state.history
    last = state.history[-1].model_copy(update={"left_at": now, "verdict": verdict})
    return (*state.history[:-1], last)
