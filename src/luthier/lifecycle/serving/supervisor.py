"""`luthier serve`: the engine and the gateway as child processes, started, watched, started again."""

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from luthier.domain.value import Value
from luthier.domain.variants import Variant
from luthier.errors import EngineFault, MissingInput, NotFound, Refused
from luthier.lifecycle.answering import adapter_folder
from luthier.lifecycle.routes import BASE_MODEL, current_table, model_name
from luthier.lifecycle.workspace import Workspace
from luthier.variants.engines.folders import model_folder

log = logging.getLogger("luthier.serve")
ENGINE_KEY = "LUTHIER_ENGINE_KEY"
START_SECONDS = 120.0
LOOK_EVERY_SECONDS = 0.5
STOP_SECONDS = 15.0
CALMEST_RESTART_SECONDS = 30.0


class Serving(Value):
    """Where a running `luthier serve` listens; kept in `serving.json` of the project's home."""

    gateway: str
    engine: str | None
    pid: int


@dataclass
class Child:
    """One process and how to start it; a start that fails at once is tried again more and more slowly."""

    name: str
    command: Callable[[], Sequence[str]]
    environment: Mapping[str, str]
    log_file: Path
    health: str
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    next_start: float = field(default=0.0)

    def start(self) -> None:
        """Start the process; its output goes to its log file."""
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603  our own interpreter and arguments
                list(self.command()), env=dict(self.environment), stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )

    def watch(self, now: float) -> None:
        """Start again what has ended."""
        if self.process is None or self.process.poll() is None or now < self.next_start:
            return
        self.restarts += 1
        self.next_start = now + min(2.0**self.restarts, CALMEST_RESTART_SECONDS)
        log.warning("%s ended with code %s; starting it again", self.name, self.process.returncode)
        self.start()

    def stop(self) -> None:
        """Ask the process to end, and make it after a while."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def serving(work: Workspace, *, gateway_port: int | None = None) -> Iterator[tuple[Serving, Sequence[Child]]]:
    """The project served on this machine for as long as the block lasts."""
    port = gateway_port if gateway_port is not None else (work.config.gateway.port or _free_port())
    children, where = _children(work, port or _free_port())
    place = work.home / "serving.json"
    try:
        for child in children:
            child.start()
            _wait_until_up(child)
        place.write_text(where.model_dump_json(), encoding="utf-8")
        yield where, children
    finally:
        place.unlink(missing_ok=True)
        for child in reversed(children):
            child.stop()


def run(work: Workspace, *, gateway_port: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, starting again whatever ends by itself."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    with serving(work, gateway_port=gateway_port) as (where, children):
        work.voice.say(f"gateway {where.gateway}, engine {where.engine or 'remote'}; stop with Ctrl-C")
        while not stopping:
            time.sleep(LOOK_EVERY_SECONDS)
            for child in children:
                child.watch(time.monotonic())


def where_served(work: Workspace) -> Serving:
    """Where this project is being served right now; MissingInput when it is not."""
    place = work.home / "serving.json"
    if not place.is_file():
        raise MissingInput(f"{work.project} is not being served on this machine", hint="run `luthier serve`")
    return Serving.model_validate_json(place.read_text(encoding="utf-8"))


def _children(work: Workspace, port: int) -> tuple[list[Child], Serving]:
    table = current_table(work)
    if table is None:
        raise NotFound("nothing is released yet", hint="run `luthier run` up to the first release")
    environment = dict(work.environment.variables)
    variants = [route.variant for route in (table.stable, table.canary, table.fallback) if route is not None]
    children, backends = [], []
    engine_url = None
    if any(variant.model.engine == "local" for variant in variants):
        environment[ENGINE_KEY] = secrets.token_urlsafe(32)
        engine_port = _free_port()
        engine_url = f"http://127.0.0.1:{engine_port}/v1"
        backends.append(f"local={engine_url}")
        children.append(_engine(work, engine_port, _one_base(work, variants), environment))
    children.append(_gateway(work, port, backends, environment))
    host = work.config.gateway.host
    return children, Serving(gateway=f"http://{host}:{port}", engine=engine_url, pid=os.getpid())


def _engine(work: Workspace, port: int, base: Path, environment: Mapping[str, str]) -> Child:
    root = work.home / "adapters"
    root.mkdir(parents=True, exist_ok=True)

    def command() -> list[str]:
        loaded = [f"--adapter={name}={folder}" for name, folder in _adapters(work).items()]
        return [
            sys.executable, "-m", "luthier.cli.main", "engine", "--model", str(base), "--served-name", BASE_MODEL,
            "--host", "127.0.0.1", "--port", str(port), "--adapters-root", str(root), "--api-key-env", ENGINE_KEY,
            *loaded,
        ]  # fmt: skip

    return Child("engine", command, environment, work.home / "engine.log", f"http://127.0.0.1:{port}/health")


def _gateway(work: Workspace, port: int, backends: Sequence[str], environment: Mapping[str, str]) -> Child:
    def command() -> list[str]:
        chosen = [f"--backend={backend}" for backend in backends]
        return [
            sys.executable, "-m", "luthier.cli.main", "gateway", "--project", str(work.loaded.path), "--port",
            str(port), "--backend-key-env", ENGINE_KEY, *chosen,
        ]  # fmt: skip

    health = f"http://{work.config.gateway.host}:{port}/health"
    return Child("gateway", command, environment, work.home / "gateway.log", health)


def _adapters(work: Workspace) -> dict[str, Path]:
    """The adapters that the newest routes need, so that an engine which starts again has them at once."""
    table = current_table(work)
    routes = [route for route in (table.stable, table.canary, table.fallback) if route] if table else []
    return {
        model_name(route.variant): adapter_folder(work, route.variant.adapter)
        for route in routes
        if route.variant.adapter is not None and route.variant.model.engine == "local"
    }


def _one_base(work: Workspace, variants: Sequence[Variant]) -> Path:
    names = {variant.model.id for variant in variants if variant.model.engine == "local"}
    if len(names) > 1:
        raise Refused(
            f"the routes need several local base models ({', '.join(sorted(names))}) and one engine serves one",
            hint="serve the others elsewhere, as engine `openai`",
        )
    return model_folder(names.pop(), root=work.loaded.folder)


def _wait_until_up(child: Child) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(timeout=2) as client:
        while time.monotonic() < deadline:
            if child.process is not None and child.process.poll() is not None:
                break
            try:
                if client.get(child.health).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
    child.stop()
    raise EngineFault(f"the {child.name} did not start", hint=f"its last words are in {child.log_file}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
