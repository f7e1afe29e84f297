"""`luthier gateway` as a process of its own, over a project that trained nothing: a table is put into its store."""

import json
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from luthier.domain.routes import RouteTable
from luthier.lifecycle.routes import put_table
from luthier.lifecycle.salt import project_salt
from luthier.lifecycle.serving.shipping import ship
from luthier.lifecycle.workspace import Workspace
from luthier.store import key_text
from tests.flow.gateway.serving import route
from tests.flow.lifecycle.play import EXAMPLE
from tests.flow.serving.served import until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Deployed:
    """A project in a folder, its key, and the gateway in front of one back end."""

    folder: Path
    backend: str
    key: str
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    acknowledged: list[str] = field(default_factory=list)
    assignments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where the gateway listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the gateway and return once it answers."""
        words = [
            sys.executable, "-m", "luthier.cli.main", "gateway", "--project", str(self.folder / "luthier.yaml"),
            "--port", str(self.port), "--backend", f"local={self.backend}", *self.options,
            *[word for each in self.assignments for word in ("--set", each)],
        ]  # fmt: skip
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until(lambda: self.ask("start") is not None, "the gateway", seconds=300)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the gateway with a signal; its workers end with it."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(120)
        until(lambda: not self.workers(), "the workers to end", seconds=120)

    def workers(self) -> list[int]:
        """The processes that answer for this project, whoever is their parent."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = place.read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"luthier.lifecycle.serving.worker" in words and str(self.folder / ".luthier/gateway").encode() in words:
                found.append(int(place.parent.name))
        return found

    def ask(self, user: str) -> str | None:
        """The id of an answer, or None where none came; what was answered counts as acknowledged."""
        body = {"model": "crm-updates", "messages": [{"role": "user", "content": "hello"}], "user": user}
        headers = {"authorization": f"Bearer {self.key}"}
        try:
            answer = httpx.post(f"{self.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
        except httpx.HTTPError:
            return None
        if answer.status_code != 200:
            return None
        said: str = answer.json()["id"]
        self.acknowledged.append(said)
        return said

    @contextmanager
    def under_load(self, threads: int = 4) -> Iterator[None]:
        """Clients that ask one question after the other."""
        stop = threading.Event()

        def keep_asking(name: str) -> None:
            while not stop.is_set():
                self.ask(name)

        asking = [threading.Thread(target=keep_asking, args=(f"rep-{number}",)) for number in range(threads)]
        for each in asking:
            each.start()
        try:
            yield
        finally:
            stop.set()
            for each in asking:
                each.join(120)

    @contextmanager
    def opened(self) -> Iterator[Workspace]:
        """The project's store."""
        with Workspace.open(self.folder / "luthier.yaml", assignments=self.assignments) as work:
            yield work


def deployed(folder: Path, backend: str, port: int, assignments: tuple[str, ...] = ()) -> Deployed:
    """The example's project with one release in its route table and one key, and nothing else done."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".luthier", "kb", "*.jsonl"))
    (folder / "kb").mkdir()
    (folder / "kb" / "facts.md").write_text("# Facts\n\nHarbour Mills is a customer.\n", encoding="utf-8")
    secret = secrets.token_bytes(32)
    with Workspace.open(folder / "luthier.yaml", assignments=assignments) as work:
        work.store.identity.create_user("app", ["application"], now=NOON)
        work.store.identity.create_key("app", NOON, secret)
        project_salt(work)
        put_table(work, RouteTable(version=0, stable=route("ok"), fallback=route("base"), salt="s"))
    return Deployed(folder, backend, key_text(secret), port, assignments=assignments)


def kept(place: Deployed) -> list[str]:
    """The ids in the store, with what still lies in the logs."""
    with place.opened() as work:
        ship(work)
        return [row.id for row in work.store.interactions.query()]


def lines(place: Deployed) -> list[dict[str, object]]:
    """What the workers logged."""
    told = (place.folder / "gateway.log").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in told if line.startswith("{")]
