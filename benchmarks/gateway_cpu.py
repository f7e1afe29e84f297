"""Processor time of one request through the gateway, told apart from its clients and its upstream.

All three live in one process and one loop, so that nothing waits for another process to be scheduled; caches that
others empty make it dearer all the same. What clients and upstream cost alone is measured in the same run and taken
off.

    PYTHONPATH=src python benchmarks/gateway_cpu.py --turns 200
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import statistics
import tempfile
import time
from pathlib import Path

import uvloop
from gateway import free_port, snapshot_for
from gateway_parts import Outcome, Upstream, ask_all

from luthier.gateway.app import create_app
from luthier.gateway.process import listen, listening_socket
from luthier.gateway.worker import Secrets, WorkerPorts
from luthier.store import utc_now
from luthier.store.identity import key_secret


async def asked(port: int, key: str, *, clients: int, requests: int) -> float:
    """Processor seconds of this process while the clients ask."""
    outcome, began = Outcome(), time.process_time()
    until = time.perf_counter() + 3_600
    await ask_all(outcome, port, key, clients=clients, until=until, stream=False, most=requests // clients)
    if outcome.failures:
        raise SystemExit(f"{outcome.failures} requests failed")
    return time.process_time() - began


def spread(seconds: list[float]) -> dict[str, float]:
    """Lowest and median, in microseconds: on a busy machine short turns find a moment in which nobody interferes."""
    return {"lowest": round(min(seconds) * 1e6, 1), "median": round(statistics.median(seconds) * 1e6, 1)}


async def run(told: argparse.Namespace, folder: Path) -> None:
    """Measure without the gateway and with it, in turns."""
    loop, upstream = asyncio.get_running_loop(), free_port()
    server = await loop.create_server(lambda: Upstream(0.0), "127.0.0.1", upstream)
    snapshot, key = snapshot_for(upstream)
    ports = WorkerPorts(snapshot, folder, Secrets(), clock=utc_now, secret_of=key_secret)
    app, stop, port = create_app(ports, snapshot.config), asyncio.Event(), free_port()
    begun = asyncio.Event()
    sock = listening_socket("127.0.0.1", port)
    listening = asyncio.create_task(listen(app, snapshot.config, sock, stop, begun=begun.set))
    await begun.wait()
    for clients in told.clients:
        await asked(port, key, clients=clients, requests=200)
        found, alone = [], []
        for _ in range(told.turns):
            bare = await asked(upstream, key, clients=clients, requests=told.requests)
            alone.append(bare / told.requests)
            found.append((await asked(port, key, clients=clients, requests=told.requests) - bare) / told.requests)
        line = {
            "clients": clients, "requests": told.requests, "turns": told.turns, "cpu_microseconds_per_request":
            spread(found), "clients_and_upstream": spread(alone), "load": os.getloadavg()[0],
        }  # fmt: skip
        print(json.dumps(line), flush=True)
    if told.profile:
        profile = cProfile.Profile(time.process_time)  # a busy machine stops the clock on the wall only
        profile.enable()
        await asked(port, key, clients=32, requests=told.requests)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    stop.set()
    await listening
    ports.close()
    server.close()


def main() -> None:
    """Read the arguments and run."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--requests", type=int, default=64)
    told.add_argument("--turns", type=int, default=200)
    told.add_argument("--clients", type=int, nargs="*", default=[1, 32])
    told.add_argument("--profile", action="store_true")
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(run(told.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
