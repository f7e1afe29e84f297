"""The gateway's courier: it writes down routes and keys for the workers, and brings what they served to the store."""

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr

from luthier.errors import LuthierError, Refused
from luthier.gateway.app import Gateway, create_app
from luthier.gateway.config import GatewayConfig
from luthier.gateway.snapshot import read_snapshot, write_snapshot
from luthier.gateway.worker import Place, Secrets, WorkerPorts
from luthier.lifecycle.salt import pii_key
from luthier.lifecycle.serving.shipping import gateway_home, ship
from luthier.lifecycle.serving.snapshots import Scribe
from luthier.lifecycle.workspace import Workspace
from luthier.project.config import ProjectConfig
from luthier.project.environment import Environment
from luthier.project.reader import Loaded
from luthier.store import key_secret

log = logging.getLogger("luthier.gateway.courier")
LOOK_SECONDS = 0.05
KEYS_SECONDS = 1.0
SHIP_SECONDS = 0.25
SHIP_AT_ONCE = 2_000
EXPIRE_SECONDS = 3_600.0
RETRY_SECONDS = 1.0
STOP_SECONDS = 12.0
Opened = Callable[[], AbstractContextManager[Workspace]]


@dataclass
class Courier:
    """One look after another at what is due; each may fail while the store is away, and is tried again."""

    scribe: Scribe
    due: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Routes and keys are written down."""
        self.scribe.look_at_routes()
        self.scribe.look_at_keys()
        self._write()

    def look(self, now: float) -> None:
        """Whatever is due at `now`."""
        changed = self.scribe.look_at_routes()
        if self._is_due("keys", KEYS_SECONDS, now):
            changed = self.scribe.look_at_keys() or changed
        if changed:
            self._write()
        if self._is_due("ship", SHIP_SECONDS, now):
            ship(self.scribe.work, most=SHIP_AT_ONCE)
        if self._is_due("expire", EXPIRE_SECONDS, now):
            self._expire()

    def _is_due(self, what: str, every: float, now: float) -> bool:
        if now < self.due.get(what, 0.0):
            return False
        self.due[what] = now + every
        return True

    def _write(self) -> None:
        work = self.scribe.work
        path = Place(gateway_home(work.home), "", 0).snapshot
        revision = read_snapshot(path).revision + 1 if path.exists() else 1
        write_snapshot(path, self.scribe.snapshot(revision))
        table = self.scribe.table
        log.info("snapshot %d written, routes version %d", revision, table.version if table else 0)

    def _expire(self) -> None:
        days = self.scribe.work.config.gateway.content_retention_days
        if days is not None:
            work = self.scribe.work
            gone = work.store.interactions.expire_texts(work.clock() - timedelta(days=days))
            log.info("texts of %d interactions are past their retention and erased", gone)


@dataclass
class Workers:
    """The processes that answer, started again when they end."""

    home: Path
    config: GatewayConfig
    port: int
    secrets: bytes
    clock_file: Path | None
    processes: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    next_start: dict[int, float] = field(default_factory=dict)

    def watch(self, now: float) -> None:
        """Start what does not run; one that ends at once is started again once a second."""
        for number in range(self.config.workers):
            process = self.processes.get(number)
            if (process is None or process.poll() is not None) and now >= self.next_start.get(number, 0.0):
                if process is not None:
                    log.warning("worker %d ended with code %s", number, process.returncode)
                self.next_start[number] = now + RETRY_SECONDS
                self.processes[number] = self._started(number)

    def stop(self) -> None:
        """Let each finish what it began, and end it if it does not."""
        for process in self.processes.values():
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _started(self, number: int) -> "subprocess.Popen[bytes]":
        words = [
            sys.executable, "-m", "luthier.lifecycle.serving.worker", "--home", str(self.home), "--host",
            self.config.host, "--port", str(self.port), "--number", str(number),
            *(["--clock-file", str(self.clock_file)] if self.clock_file else []),
        ]  # fmt: skip
        process = subprocess.Popen(words, stdin=subprocess.PIPE)  # noqa: S603  our own interpreter and arguments
        if process.stdin is not None:
            process.stdin.write(self.secrets + b"\n")
            process.stdin.flush()
        return process


def serve(
    loaded: Loaded[ProjectConfig],
    environment: Environment,
    opened: Opened,
    backends: Mapping[str, str],
    keys: Mapping[str, SecretStr],
    *,
    port: int | None,
) -> None:
    """Answer until SIGTERM or SIGINT. While the store is away, what was written down last is served."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    config = loaded.config.gateway
    home = gateway_home((loaded.folder / loaded.config.store.home).resolve())
    name = loaded.config.data.pii.key
    secret = environment.secret(name) if name else None
    workers = Workers(home, config, _port(config, port), _told(keys, secret), environment.path("LUTHIER_CLOCK_FILE"))
    with ExitStack() as stack:
        stack.callback(workers.stop)
        courier = _first(stack, opened, backends, keys, home)
        while not stopping:
            now = time.monotonic()
            workers.watch(now)
            if courier is None:
                courier = _opened_again(stack, opened, backends, keys)
            elif not _looked(courier, now):
                time.sleep(RETRY_SECONDS)
            time.sleep(LOOK_SECONDS)
        workers.stop()
        if courier is not None:
            _looked(courier, time.monotonic() + EXPIRE_SECONDS)


def build(work: Workspace, backends: Mapping[str, str], keys: Mapping[str, SecretStr]) -> tuple[Gateway, WorkerPorts]:
    """One worker's app in this process, with the project's routes taken over once; its logs are not shipped."""
    scribe = Scribe(work, backends, keys)
    scribe.look_at_routes()
    scribe.look_at_keys()
    snapshot = scribe.snapshot(1)
    told = pii_key(work)
    secrets = Secrets(backend_keys=dict(keys), pii_key=SecretStr(told) if told else None)
    ports = WorkerPorts(snapshot, gateway_home(work.home) / "spool", secrets, clock=work.clock, secret_of=key_secret)
    return create_app(ports, snapshot.config), ports


def _first(
    stack: ExitStack, opened: Opened, backends: Mapping[str, str], keys: Mapping[str, SecretStr], home: Path
) -> Courier | None:
    """The courier, or None where the store is away and there is an older snapshot to go on from."""
    try:
        return _begun(stack, opened, backends, keys)
    except LuthierError as fault:
        if isinstance(fault, Refused) or not Place(home, "", 0).snapshot.exists():
            raise
        log.warning("the store is away; what was written down last is served: %s", fault.code)
        return None


def _opened_again(
    stack: ExitStack, opened: Opened, backends: Mapping[str, str], keys: Mapping[str, SecretStr]
) -> Courier | None:
    try:
        return _begun(stack, opened, backends, keys)
    except (LuthierError, httpx.HTTPError):
        time.sleep(RETRY_SECONDS)
        return None


def _begun(stack: ExitStack, opened: Opened, backends: Mapping[str, str], keys: Mapping[str, SecretStr]) -> Courier:
    courier = Courier(Scribe(stack.enter_context(opened()), backends, keys))
    courier.begin()
    return courier


def _looked(courier: Courier, now: float) -> bool:
    """Whether the look came to its end; what went before goes on where it did not."""
    try:
        courier.look(now)
    except (LuthierError, httpx.HTTPError, OSError) as fault:
        log.warning("the store or a back end is away, the next look tries again: %s", type(fault).__name__)
        return False
    return True


def _told(keys: Mapping[str, SecretStr], secret: SecretStr | None) -> bytes:
    found = {name: key.get_secret_value() for name, key in keys.items()}
    return json.dumps({"backend_keys": found, "pii_key": secret.get_secret_value() if secret else None}).encode()


def _port(config: GatewayConfig, port: int | None) -> int:
    chosen = config.port if port is None else port
    if chosen:
        return chosen
    with socket.socket() as probe:
        probe.bind((config.host, 0))
        free: int = probe.getsockname()[1]
        return free
