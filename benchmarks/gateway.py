"""The gateway's path: requests a second, processor time and added latency, streams; a common proxy in the same run.

    PYTHONPATH=src python benchmarks/gateway.py            # everything, about two minutes on a quiet machine

Load, gateway and upstream share the machine's cores. All features are on: key, first users and a canary at 50%, guards,
record. Wall figures mean something on a quiet machine only, so the processor time of each process stands beside them.
"""

import argparse
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import psutil
from gateway_parts import CHUNKS, Outcome, load, serve_upstream

from luthier.domain.routes import Route, RouteTable
from luthier.domain.variants import ModelRef, Variant
from luthier.gateway.config import GatewayConfig, GuardsConfig
from luthier.gateway.snapshot import KnownKey, Snapshot, write_snapshot
from luthier.gateway.spool import SpoolReader, held_bytes
from luthier.store.identity import key_text

HERE = Path(__file__).resolve()
PEER = """
import aiohttp, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
upstream, port = sys.argv[1], int(sys.argv[2])
session = None
async def chat(request):
    global session
    if session is None:
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1024))
    async with session.post(upstream + "/chat/completions", data=await request.body()) as answer:
        return Response(await answer.read(), media_type="application/json")
app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
"""


def main() -> None:
    """Run every load and print one line of JSON each."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--seconds", type=float, default=10.0)
    told.add_argument("--streams", type=int, default=1_000)
    told.add_argument("--upstream", type=int, help=argparse.SUPPRESS)
    told.add_argument("--between-seconds", type=float, default=0.02, help="Between two chunks of a stream.")
    told.add_argument("--no-peer", action="store_true")
    wanted = told.parse_args()
    if wanted.upstream:
        serve_upstream(wanted.upstream, wanted.between_seconds)
        return
    upstream_port = free_port()
    with running([sys.executable, str(HERE), "--upstream", str(upstream_port),
                  "--between-seconds", str(wanted.between_seconds)], upstream_port) as upstream:  # fmt: skip
        show("upstream alone", 1, load(upstream_port, "none", clients=1, seconds=wanted.seconds / 2), upstream)
        show("upstream alone", 32, load(upstream_port, "none", clients=32, seconds=wanted.seconds), upstream)
        with gateway(upstream_port) as (process, port, key, home):
            load(port, key, clients=32, seconds=1)
            show("gateway, everything on", 1, load(port, key, clients=1, seconds=wanted.seconds / 2), process)
            show("gateway, everything on", 32, load(port, key, clients=32, seconds=wanted.seconds), process)
            streamed = load(port, key, clients=wanted.streams, seconds=600, stream=True, most=1)
            lost = wanted.streams * CHUNKS - streamed.chunks
            show("gateway, streams", wanted.streams, streamed, process, chunks=streamed.chunks, lost=lost)
            show_record(home)
        if not wanted.no_peer:
            port = free_port()
            words = [sys.executable, "-c", PEER, f"http://127.0.0.1:{upstream_port}/v1", str(port)]
            with running(words, port) as process:
                load(port, "none", clients=32, seconds=1)
                show(
                    "Starlette + aiohttp, nothing on",
                    1,
                    load(port, "none", clients=1, seconds=wanted.seconds / 2),
                    process,
                )
                show(
                    "Starlette + aiohttp, nothing on",
                    32,
                    load(port, "none", clients=32, seconds=wanted.seconds),
                    process,
                )


_used: dict[int, float] = {}


def show(what: str, clients: int, outcome: Outcome, process: psutil.Process, **more: object) -> None:
    """One line of JSON: rates, percentiles, and the processor time of the process since its last line."""
    times = process.cpu_times()
    used = times.user + times.system - _used.get(process.pid, 0.0)
    _used[process.pid] = times.user + times.system
    count = len(outcome.latencies)
    cuts = statistics.quantiles(outcome.latencies, n=100) if count > 1 else [float("nan")] * 99
    line = {
        "what": what, "clients": clients, "requests": count, "failures": outcome.failures,
        "requests_per_second": round(count / outcome.wall_seconds, 1), "p50_ms": round(cuts[49] * 1e3, 3),
        "p99_ms": round(cuts[98] * 1e3, 3), "cpu_microseconds_per_request": round(used / max(1, count) * 1e6, 1),
        "client_cpu_microseconds": round(outcome.cpu_seconds / max(1, count) * 1e6, 1), "wall_seconds":
        round(outcome.wall_seconds, 2), "load": os.getloadavg()[0], "rss_mib": process.memory_info().rss // 2**20,
        **more,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def show_record(home: Path) -> None:
    """What the log holds, and what reading all of it takes."""
    size, began, lines = held_bytes(home / "spool" / "interactions"), time.process_time(), 0

    def take(portion: list[bytes]) -> int:
        nonlocal lines
        lines += len(portion)
        return len(portion)

    SpoolReader(home / "spool" / "interactions").ship(take, batch=500)
    used = time.process_time() - began
    print(json.dumps({"what": "log", "lines": lines, "bytes": size, "read_microseconds": round(used / lines * 1e6, 1)}))


@contextmanager
def gateway(upstream_port: int) -> Iterator[tuple[psutil.Process, int, str, Path]]:
    """One worker as `luthier gateway` starts it, over a snapshot made here."""
    snapshot, key = snapshot_for(upstream_port)
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        write_snapshot(home / "snapshot.json", snapshot)
        words = [sys.executable, "-m", "luthier.lifecycle.serving.worker", "--home", folder, "--host", "127.0.0.1",
                 "--port", str(port)]  # fmt: skip
        with running(words, port, told=b'{"backend_keys":{"local":"sk-bench"}}\n') as process:
            yield process, port, key, home


def snapshot_for(upstream_port: int) -> tuple[Snapshot, str]:
    """Everything on, in front of the upstream, and the one key that opens it."""
    secret = secrets.token_bytes(32)
    known = KnownKey(sha256=sha256(secret).hexdigest(), owner="bench")
    table = RouteTable(
        version=1, stable=route("stable"), canary=route("canary"), canary_percent=50, fallback=route("base"),
        salt="bench", backends={"local": f"http://127.0.0.1:{upstream_port}/v1"},
    )  # fmt: skip
    config = GatewayConfig(first_users=("rep-1",), guards=GuardsConfig(policy="Be kind.", max_characters=100_000))
    snapshot = Snapshot(
        revision=1, project="bench", config=config, table=table, keys=[known], salt="s" * 32, pii_action="mask"
    )
    return snapshot, key_text(secret)


def route(name: str) -> Route:
    """A release with a prompt of everyday length."""
    prompt = "You keep the CRM up to date. Answer with one call and nothing else. " * 5
    return Route(
        release_id=name, variant=Variant(name=name, model=ModelRef(engine="local", id="m"), prompt=prompt), model=name
    )


@contextmanager
def running(words: list[str], port: int, told: bytes = b"") -> Iterator[psutil.Process]:
    """The process, once it accepts connections on its port."""
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(HERE.parents[1] / "src")}
    )
    assert process.stdin is not None
    process.stdin.write(told)
    process.stdin.flush()
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
