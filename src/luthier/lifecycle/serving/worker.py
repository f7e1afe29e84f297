"""Composition root of one worker of the gateway: `python -m luthier.lifecycle.serving.worker`, started by the courier.

Standard input brings one line of secrets; its end tells the worker that the courier is gone, and it stops.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

import uvloop

from luthier.gateway.app import Gateway, create_app
from luthier.gateway.logs import log_as_json
from luthier.gateway.snapshot import read_snapshot
from luthier.gateway.worker import Place, Secrets, WorkerPorts, run
from luthier.store.clock import clock_of
from luthier.store.identity import key_secret


def main() -> None:
    """Answer until SIGTERM, SIGINT or the end of standard input."""
    log_as_json()
    told = _arguments()
    place = Place(told.home, told.host, told.port, told.number)
    secrets = Secrets.model_validate_json(sys.stdin.buffer.readline())
    snapshot = read_snapshot(place.snapshot)
    clock = clock_of(told.clock_file)
    ports = WorkerPorts(snapshot, place.spool, secrets, clock=clock, secret_of=key_secret)
    app = create_app(ports, snapshot.config)
    gc.freeze()  # what is loaded by now stays: no collection need look at it again
    uvloop.run(_until_told(app, ports, place))


async def _until_told(app: Gateway, ports: WorkerPorts, place: Place) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(sys.stdin.fileno(), _stop_at_end, stop)
    await run(app, ports, place, stop)


def _stop_at_end(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--clock-file", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
