"""What happened to traffic: rollouts, kill switch, drills, and how each release served."""

from collections.abc import Mapping

import numpy as np

from luthier.domain.interactions import Feedback, Interaction
from luthier.domain.measure import Measurement
from luthier.lifecycle.drill import Drill
from luthier.lifecycle.report.facts import (
    DrillFacts,
    RolloutFacts,
    ServedFacts,
    SwitchFacts,
    TrafficPoint,
)
from luthier.lifecycle.rollouts import DRILLS, Past, Traffic, history, served
from luthier.lifecycle.workspace import Workspace
from luthier.rollout.types import Adopted, Killed, Resumed, Started


def rollouts_of(work: Workspace) -> tuple[RolloutFacts, ...]:
    """Every rollout so far, oldest first; the first release of all has no stages."""
    variants = {row.release_id: row.variant for row in work.store.releases.all(work.project)}
    found: list[RolloutFacts] = []
    for past in history(work):
        if isinstance(past.event, (Adopted, Started)):
            found.append(_began(past, variants.get(past.event.release, "")))
        elif _concerns_rollout(past, found[-1]):
            found[-1] = _went_on(past, found[-1])
    return tuple(found)


def traffic_of(work: Workspace) -> tuple[TrafficPoint, ...]:
    """Who answered whom, at every moment at which that changed."""
    points: list[TrafficPoint] = []
    for past in history(work):
        point = TrafficPoint(at=past.at, percent=_shares(past.after.traffic), killed=past.after.traffic.killed)
        if not points or (point.percent, point.killed) != (points[-1].percent, points[-1].killed):
            points.append(point)
    return tuple(points)


def switches_of(work: Workspace) -> tuple[SwitchFacts, ...]:
    """Every time the kill switch was pulled or put back."""
    return tuple(
        SwitchFacts(kind=past.event.kind, by=past.event.by, reason=past.event.reason, at=past.at)
        for past in history(work)
        if isinstance(past.event, (Killed, Resumed))
    )


def drills_of(work: Workspace) -> tuple[DrillFacts, ...]:
    """Every rehearsed rollback."""
    return tuple(
        DrillFacts(at=kept.at, drill=Drill.model_validate(kept.payload)) for kept in work.store.events.read(DRILLS)
    )


def served_of(work: Workspace) -> tuple[ServedFacts, ...]:
    """What every release served, in the order in which they were made."""
    interactions, feedback = served(work)
    found = []
    for row in work.store.releases.all(work.project):
        mine = [item for item in interactions if item.release_id == row.release_id]
        if mine:
            found.append(_served(row.release_id, mine, feedback))
    return tuple(found)


def _began(past: Past, variant: str) -> RolloutFacts:
    state = past.after.state
    return RolloutFacts(
        release=str(state.release), variant=variant, previous=state.previous, status=state.status,
        reason=state.reason, began_at=past.at, ended_at=past.at if isinstance(past.event, Adopted) else None,
        stages=state.history,
    )  # fmt: skip


def _concerns_rollout(past: Past, last: RolloutFacts) -> bool:
    """The kill switch ends a running rollout, and changes nothing of one that is over."""
    return not isinstance(past.event, Resumed) and (last.status == "running" or past.event.kind == "revert_asked")


def _went_on(past: Past, last: RolloutFacts) -> RolloutFacts:
    state = past.after.state
    change = {
        "status": state.status,
        "reason": state.reason,
        "stages": state.history,
        "ended_at": None if state.status == "running" else past.at,
    }
    return last.model_copy(update=change)


def _shares(traffic: Traffic) -> dict[str, float]:
    if traffic.killed:
        return {str(traffic.first): 100.0}
    if traffic.canary is None:
        return {str(traffic.stable): 100.0}
    return {str(traffic.stable): 100.0 - traffic.percent, traffic.canary: traffic.percent}


def _served(release: str, mine: list[Interaction], feedback: Mapping[str, Feedback]) -> ServedFacts:
    median, p95 = (float(figure) for figure in np.percentile([item.latency_seconds for item in mine], [50, 95]))
    judged = [feedback[item.id] for item in mine if item.id in feedback and feedback[item.id].kind == "solved"]
    solved = None
    if judged:
        solved = Measurement.of_proportion("solved", sum(bool(said.value) for said in judged), n=len(judged))
    return ServedFacts(
        release=release, answers=len(mine), errors=sum(item.error is not None for item in mine),
        median_seconds=median, p95_seconds=p95, solved=solved,
    )  # fmt: skip
