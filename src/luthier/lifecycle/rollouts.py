"""The rollout controller with its store: events in, route table out; any process can take over at any moment."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from luthier.domain.interactions import Feedback, Interaction
from luthier.domain.routes import Route, RouteTable
from luthier.domain.value import Json, Value
from luthier.errors import NotFound, Refused
from luthier.lifecycle.answering import adapter_folder
from luthier.lifecycle.links.release import release, require_approved
from luthier.lifecycle.routes import current_table, model_name, put_table
from luthier.lifecycle.serving.shipping import ship
from luthier.lifecycle.workspace import Workspace
from luthier.rollout.step import step
from luthier.rollout.tallies import tally
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
    Started,
)
from luthier.store import Event as StoredEvent
from luthier.variants.engines.openai import hosted_model

EVENTS, DRILLS = "rollout", "drills"
_events: TypeAdapter[Event] = TypeAdapter(Event)


class Traffic(Value):
    """Who answers whom, as the commands so far say."""

    first: str | None = None
    stable: str | None = None
    canary: str | None = None
    percent: float = 0.0
    killed: bool = False


class Controller(Value):
    """The rollout and the traffic as all events so far make them."""

    state: RolloutState = RolloutState()
    traffic: Traffic = Traffic()
    events: int = 0


class Past(Value):
    """One event of the past and what stood after it."""

    at: datetime
    event: Event
    after: Controller


def controller(work: Workspace) -> Controller:
    """Where everything stands, replayed from the events."""
    return _replayed(work.store.events.read(EVENTS))


def history(work: Workspace) -> list[Past]:
    """Every event so far with what it led to, oldest first."""
    return list(_replay(work.store.events.read(EVENTS)))


def begin(work: Workspace, release_id: str, *, by: str | None = None) -> Controller:
    """The release on its first stage, or answering everybody when it is the first of all.

    Raises:
        Refused: It is not approved, another rollout runs, or the rollback drill is overdue.

    """
    require_approved(work, release_id)
    now = controller(work)
    if now.traffic.stable is None:
        return _apply(work, Adopted(release=release_id), by=by)
    if now.traffic.stable == release_id:
        raise Refused(f"release {release_id} answers already", hint="see `luthier rollout status`")
    _refuse_overdue_drill(work)
    return _apply(work, Started(release=release_id, previous=now.traffic.stable, rules=work.config.rollout), by=by)


def observe(work: Workspace) -> Controller:
    """One look at what was served since the stage began, and what follows from it.

    Where no stage runs, the routes are still brought to what the events call for: a controller that was killed after
    its last event may not have published them.
    """
    now = controller(work)
    if now.state.status != "running" or now.state.entered_at is None:
        if now.traffic.stable is not None:
            publish(work)
        return now
    interactions, feedback = served(work, since=_compared_since(now.state))
    ours = [item for item in interactions if item.release_id == now.state.release and item.at >= now.state.entered_at]
    theirs = [item for item in interactions if item.release_id == now.state.previous]
    return _apply(work, Observed(canary=tally(ours, feedback, "canary"), stable=tally(theirs, feedback, "stable")))


def _compared_since(state: RolloutState) -> datetime | None:
    """From when the stable release counts: side by side with the canary, or before it where nobody is left to compare.

    Once the canary answers everybody the stable release answers nobody; what it did in the stages before, and as long
    before the first as a stage bakes, then stands for it.
    """
    if state.rules.stages[state.stage] < 100:
        return state.entered_at
    return state.history[0].entered_at - timedelta(hours=state.rules.bake_hours)


def kill(work: Workspace, *, by: str, reason: str) -> Controller:
    """Everybody gets baseline prompting from now on."""
    return _apply(work, Killed(by=by, reason=reason), by=by)


def resume(work: Workspace, *, by: str, reason: str) -> Controller:
    """The stable release answers again."""
    return _apply(work, Resumed(by=by, reason=reason), by=by)


def revert(work: Workspace, *, by: str, reason: str) -> Controller:
    """The previous release answers everybody from now on."""
    return _apply(work, RevertAsked(by=by, reason=reason), by=by)


def served(
    work: Workspace, *, since: datetime | None = None, release_id: str | None = None
) -> tuple[list[Interaction], dict[str, Feedback]]:
    """What was served, and what was last said of whether each was solved; what lies in the gateway's logs included."""
    ship(work)
    rows = work.store.interactions.query(since=since, release=release_id)
    said = {
        row.interaction_id: Feedback(interaction_id=row.interaction_id, at=row.at, kind=row.kind, value=row.value)
        for row in work.store.interactions.feedback(since=since)
        if row.kind == "solved"
    }
    return [
        Interaction(
            id=row.id, at=row.at, user_key=row.user_key, release_id=row.release_id, variant=row.variant_digest,
            arm=row.arm, asked=row.request if isinstance(row.request, str) else None, answered=row.response_text,
            status_code=row.status_code, latency_seconds=row.latency_seconds, prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens, cost=row.cost,
            guards={name: bool(passed) for name, passed in row.guards.items()}, error=row.error,
        )
        for row in rows
    ], said  # fmt: skip


def publish(work: Workspace) -> RouteTable:
    """The route table that the events call for, published if it is not the current one."""
    now = controller(work)
    traffic = now.traffic
    if traffic.stable is None or traffic.first is None:
        raise NotFound("nothing is released yet", hint="run `luthier run` up to the first release")
    kept = current_table(work)
    version = kept.version if kept else 0
    table = RouteTable(
        version=version,
        stable=_route(work, traffic.stable),
        canary=_route(work, traffic.canary) if traffic.canary else None,
        canary_percent=traffic.percent if traffic.canary else 0.0,
        fallback=_route(work, traffic.first),
        switch="killed" if traffic.killed else "normal",
        salt=f"{work.project}/{traffic.canary or traffic.stable}",
    )
    return table if kept == table else put_table(work, table)


def drill_is_overdue(work: Workspace) -> bool:
    """Whether the last rehearsed rollback is older than the project allows; the first release needs none."""
    drills = work.store.events.read(DRILLS)
    due = timedelta(days=work.config.rollout.drill_every_days)
    began = drills[-1].at if drills else _first_rollout(work)
    return began is not None and work.clock() - began > due


def _first_rollout(work: Workspace) -> datetime | None:
    events = work.store.events.read(EVENTS)
    return events[0].at if events else None


def _refuse_overdue_drill(work: Workspace) -> None:
    if drill_is_overdue(work):
        raise Refused(
            f"the last rollback drill is older than {work.config.rollout.drill_every_days} days",
            hint="run `luthier rollout drill` against the live server first",
        )


def _apply(work: Workspace, event: Event, *, by: str | None = None) -> Controller:
    """The controller after `event`: the event is durable first, then the routes follow from it."""
    before = controller(work)
    state, commands = step(before.state, event, work.clock())
    after = Controller(state=state, traffic=_directed(before.traffic, commands), events=before.events + 1)
    with work.store.together():
        work.store.events.append(EVENTS, before.events, event.kind, event.model_dump(mode="json"), work.clock())
        if event.kind != "observed" or commands:
            detail: dict[str, Json] = {"release": state.release, "status": state.status, "reason": state.reason}
            work.store.audit.append(by or work.actor, f"rollout.{event.kind}", work.project, detail, now=work.clock())
    publish(work)
    for command in commands:
        if isinstance(command, Alert):
            work.voice.say(f"alert: {command.summary}")
    return after


def _replayed(events: Iterable[StoredEvent]) -> Controller:
    now = Controller()
    for past in _replay(events):
        now = past.after
    return now


def _replay(events: Iterable[StoredEvent]) -> Iterator[Past]:
    now = Controller()
    for kept in events:
        event = _events.validate_python(kept.payload)
        state, commands = step(now.state, event, kept.at)
        now = Controller(state=state, traffic=_directed(now.traffic, commands), events=now.events + 1)
        yield Past(at=kept.at, event=event, after=now)


def _directed(traffic: Traffic, commands: Iterable[Command]) -> Traffic:
    for command in commands:
        match command:
            case SetShare():
                change: dict[str, str | float | bool | None] = {"canary": command.release, "percent": command.percent}
            case MakeStable():
                first = traffic.first or command.release
                change = {"stable": command.release, "canary": None, "percent": 0.0, "first": first}
            case GoBack():
                change = {"stable": command.to, "canary": None, "percent": 0.0}
            case SetSwitch():
                change = {"killed": command.killed, "canary": None, "percent": 0.0}
            case Alert():
                continue
        traffic = traffic.model_copy(update=change)
    return traffic


def _route(work: Workspace, release_id: str) -> Route:
    variant = release(work, release_id).variant
    hosted = None
    if variant.adapter is not None and variant.model.engine == "openai":
        hosted = hosted_model(adapter_folder(work, variant.adapter))
    return Route(release_id=release_id, variant=variant, model=hosted or model_name(variant))
