"""`luthier serve` as a process of its own, and clients of it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.flow.lifecycle.play import APPLICATION, Project

START_SECONDS = 240.0
PATIENCE_SECONDS = 120.0
Answer = httpx.Response


@dataclass(frozen=True)
class Served:
    """A project that is being served, and how an application asks it."""

    project: Project
    url: str
    pid: int

    def ask(self, text: str = "Please book a call with Harbour Mills.", *, user: str = "rep-1") -> Answer:
        """The gateway's response to one short question."""
        body: dict[str, object] = {
            "model": "crm-small",
            "messages": [{"role": "user", "content": text}],
            "user": user,
            "max_tokens": 8,
        }
        return self._post("/v1/chat/completions", body)

    def say_solved(self, answer: Answer, *, solved: bool = True) -> None:
        """Tell the gateway what became of an answer."""
        said: dict[str, object] = {"response_id": answer.json()["id"], "kind": "solved", "value": solved}
        self._post("/v1/feedback", said).raise_for_status()

    def release_of(self, answer: Answer) -> str | None:
        """The release behind an answer, or None where there was no answer."""
        return answer.headers.get("x-luthier-release") if answer.status_code == 200 else None

    def until_answered_by(self, release_id: str) -> None:
        """Return once an answer came from that release."""
        until(lambda: self._answers_now(release_id), f"an answer from {release_id}")

    def child(self, name: str) -> int | None:
        """The process id of the engine or the gateway that runs now."""
        for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if name.encode() in words and _is_alive(pid):
                return int(pid)
        return None

    def _answers_now(self, release_id: str) -> bool:
        try:
            return self.release_of(self.ask()) == release_id
        except httpx.HTTPError:
            return False

    def _post(self, path: str, body: dict[str, object]) -> Answer:
        headers = {"authorization": f"Bearer {self.project.keys[APPLICATION]}"}
        return httpx.post(f"{self.url}{path}", json=body, headers=headers, timeout=60)


@contextmanager
def serving(project: Project) -> Iterator[Served]:
    """The project served for as long as the block lasts."""
    place = project.home / "serving.json"
    process = project.spawned("serve")
    try:
        until(lambda: place.exists() or process.poll() is not None, "the server", seconds=START_SECONDS)
        assert process.poll() is None, process.communicate()[1]
        found: dict[str, Any] = json.loads(place.read_text())
        yield Served(project, found["gateway"], found["pid"])
    finally:
        process.terminate()
        process.communicate(timeout=60)


def until(is_so: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return once it is so; fails when it has not come about in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:g} seconds"
        time.sleep(0.05)


def _is_alive(pid: str) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state not in {"Z", "X"}
