"""The rehearsed rollback: from the command to the old version's answer, timed by a client outside."""

import time
from collections.abc import Callable

import httpx

from luthier.domain.value import Json, Value
from luthier.errors import EngineFault, Refused
from luthier.lifecycle.rollouts import DRILLS, controller
from luthier.lifecycle.routes import current_table, put_table
from luthier.lifecycle.workspace import Workspace

PATIENCE_SECONDS = 60.0
QUESTION = "Rollback drill: please ignore."


class Drill(Value):
    """One rehearsal: seconds until the previous release answered, and until the current one did again."""

    release: str
    previous: str
    seconds_back: float
    seconds_forward: float
    requests: int
    dropped: int


def drill(work: Workspace, gateway: str, key: str) -> Drill:
    """Send everybody to the previous release and back again, asking all the while; recorded with its times.

    Raises:
        Refused: A rollout is under way, or there is no previous release.
        EngineFault: The gateway did not follow within a minute; the routes are put back first.

    """
    now = controller(work)
    before = current_table(work)
    if now.state.status == "running" or now.traffic.killed:
        raise Refused(f"a drill would disturb the rollout, which is {now.state.status}", hint="drill between rollouts")
    if before is None or before.fallback is None or before.fallback == before.stable:
        raise Refused("there is no previous release to drill a rollback to", hint="complete a rollout first")
    with httpx.Client(base_url=gateway, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
        probe = _Probe(client, work.project)
        probe.until(before.stable.release_id)
        changed = put_table(work, before.model_copy(update={"stable": before.fallback}))
        try:
            back = probe.until(before.fallback.release_id)
        finally:
            put_table(work, changed.model_copy(update={"stable": before.stable}))
        forward = probe.until(before.stable.release_id)
    found = Drill(
        release=before.stable.release_id,
        previous=before.fallback.release_id,
        seconds_back=back,
        seconds_forward=forward,
        requests=probe.requests,
        dropped=probe.dropped,
    )
    _record(work, found)
    return found


class _Probe:
    """Asks again and again, and counts what was not answered."""

    def __init__(self, client: httpx.Client, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._model, self._clock = client, model, clock
        self.requests = self.dropped = 0

    def until(self, release_id: str) -> float:
        """Seconds until an answer came from `release_id`."""
        began = self._clock()
        while self._clock() - began < PATIENCE_SECONDS:
            if self._ask() == release_id:
                return self._clock() - began
        raise EngineFault(f"no answer came from release {release_id}", hint="look into gateway.log")

    def _ask(self) -> str | None:
        self.requests += 1
        body = {"model": self._model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1}
        try:
            response = self._client.post("/v1/chat/completions", json=body)
        except httpx.HTTPError:
            self.dropped += 1
            return None
        if response.status_code != 200:
            self.dropped += 1
            return None
        answered_by: str | None = response.headers.get("x-luthier-release")
        return answered_by


def _record(work: Workspace, found: Drill) -> None:
    payload: Json = found.model_dump(mode="json")
    kept = work.store.events.read(DRILLS)
    work.store.events.append(DRILLS, len(kept), "drill", payload, work.clock())
    work.store.audit.append(work.actor, "rollout.drill", found.release, {"drill": payload}, now=work.clock())
