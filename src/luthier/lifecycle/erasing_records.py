"""A person's texts out of the records of what happened, and out of the files that are under way on this machine."""

import shutil
from hashlib import sha256
from pathlib import Path

from luthier.domain.releases import Release
from luthier.domain.routes import Route, RouteTable
from luthier.domain.value import Json
from luthier.lifecycle.erasing import Eraser
from luthier.lifecycle.links.review import STREAM as REVIEW
from luthier.lifecycle.rollouts import controller, publish
from luthier.lifecycle.routes import STREAM as ROUTES
from luthier.lifecycle.serving.shipping import ship
from luthier.lifecycle.workspace import Workspace

WITHDRAWN = "withdrawn"
_UNDER_WAY = (
    "work/data/*", "work/answers/*", "checkpoints/*", "report/report.*", "report/compare-*", "asked/*", "tmp*"
)  # fmt: skip
"""In the home: unfinished builds, evaluations and runs, report pages, judges' words, what a killed process left."""


def interactions_of(work: Workspace, name: str) -> frozenset[str]:
    """The ids of what a user was served, known by the salted hashes that the route tables made of the name.

    The name is a user's as applications give it, an application's own, or the id of one interaction.
    """
    ship(work)  # what still lies in the gateway's logs is found and erased too
    salts = {RouteTable.model_validate(event.payload).salt for event in work.store.events.read(ROUTES)}
    callers = [user.name for user in work.store.identity.users()]
    pairs = [*((caller, name) for caller in callers), (name, "")]
    keys = {
        sha256(f"{salt}\x00{caller}\x00{user}".encode()).hexdigest()[:32] for salt in salts for caller, user in pairs
    }
    return frozenset(work.store.interactions.ids_of(user_keys=keys, ids=[name]))


def erase_records(eraser: Eraser) -> None:
    """Once this returns, interactions, route tables, proposals and reviews hold nothing of the person's."""
    work, events = eraser.work, eraser.work.store.events
    eraser.counts["interactions"] += work.store.interactions.erase_texts(eraser.served)
    if controller(work).traffic.stable is not None:
        publish(work)  # gateways go over to a table without the rows before older tables are rewritten
    for stream in [ROUTES, REVIEW, *events.streams("approval/")]:
        for event in events.read(stream):
            fresh = _rewritten(eraser, stream, event.payload)
            if fresh != event.payload:
                events.rewrite(stream, event.seq, fresh)


def erase_work_files(eraser: Eraser) -> None:
    """What unfinished builds, runs and reports left on this machine is gone; finished adapters stay."""
    for place in _UNDER_WAY:
        for path in sorted(eraser.work.home.glob(place)):
            eraser.counts["work_files"] += sum(each.is_file() for each in path.rglob("*")) if path.is_dir() else 1
            _remove(path)
    eraser.work.store.artifacts.clear_unfinished()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _rewritten(eraser: Eraser, stream: str, payload: Json) -> Json:
    if not isinstance(payload, dict):
        return payload
    if stream == ROUTES:
        table = RouteTable.model_validate(payload)
        routes = {name: _route(eraser, getattr(table, name)) for name in ("stable", "canary", "fallback")}
        fresh = table.model_copy(update=routes)
        return payload if fresh == table else fresh.model_dump(mode="json")
    if stream == REVIEW:
        row = str(payload.get("row_id", "")).rsplit("#", 1)[0]
        if not eraser.is_known(row) or payload.get("reason") == WITHDRAWN:
            return payload
        eraser.counts["review_reasons"] += 1
        return payload | {"reason": WITHDRAWN}
    if payload.get("kind") != "proposed":
        return payload
    made = Release.model_validate(payload["release"])
    fresh_release = eraser.without_examples(made)
    return payload if fresh_release == made else payload | {"release": fresh_release.model_dump(mode="json")}


def _route(eraser: Eraser, route: Route | None) -> Route | None:
    if route is None:
        return None
    shots = tuple(shot for shot in route.variant.shots if not eraser.person.owns(shot))
    return route.model_copy(update={"variant": route.variant.model_copy(update={"shots": shots})})
