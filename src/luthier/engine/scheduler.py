"""One thread that owns the model: requests join its batch between two tokens."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar
from uuid import uuid4

from luthier.engine.faults import Overloaded
from luthier.errors import Busy, EngineFault, LuthierError
from luthier.variants.engines.base import EngineRequest, Piece, RunningBatch, SteppedEngine

log = logging.getLogger(__name__)
T = TypeVar("T")
Deliver = Callable[[Piece], None]


class Scheduler:
    """Answers requests from any thread with one running batch; news is delivered from the scheduler's thread."""

    def __init__(self, engine: SteppedEngine, *, most_requests: int = 256) -> None:
        self._engine = engine
        self._most_requests = most_requests
        self._orders: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._batch: RunningBatch = engine.session()
        self._deliveries: dict[int, Deliver] = {}
        self._open = 0
        self._lock = threading.Lock()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="luthier-engine", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self, *, timeout_seconds: float) -> None:
        """Ends the thread once what was accepted is answered, or the time is over."""
        self._order(self._begin_stop)
        self._thread.join(timeout_seconds)

    def submit(
        self, request: EngineRequest, deliver: Deliver, *, streams: bool = False, wants_logprobs: bool = False
    ) -> Callable[[], None]:
        """Queues a request and returns what cancels it; Overloaded when too many are open."""
        with self._lock:
            if self._open >= self._most_requests:
                raise Overloaded("too many requests wait already", hint="try again in a second")
            self._open += 1
        tickets: list[int] = []

        def add() -> None:
            ticket = self._batch.add(request, streams=streams, wants_logprobs=wants_logprobs)
            tickets.append(ticket)
            self._deliveries[ticket] = deliver

        self._order(add)
        return lambda: self._order(lambda: self._cancel(tickets))

    def add_adapter(self, name: str, folder: Path) -> Future[None]:
        """Loads an adapter between two tokens."""
        return self._ask(lambda: self._engine.add_adapter(name, folder))

    def remove_adapter(self, name: str) -> Future[None]:
        """Unloads an adapter; Busy while a request uses it."""

        def remove() -> None:
            if name in self._batch.adapters_in_use():
                raise Busy(f"a request is being answered with {name!r}", hint="try again when it is done")
            self._engine.remove_adapter(name)

        return self._ask(remove)

    def _ask(self, deed: Callable[[], T]) -> Future[T]:
        promised: Future[T] = Future()

        def do() -> None:
            try:
                promised.set_result(deed())
            except LuthierError as fault:
                promised.set_exception(fault)
            finally:
                if not promised.done():
                    promised.set_exception(EngineFault("the engine failed", hint="see its log"))

        self._order(do)
        return promised

    def _order(self, deed: Callable[[], None]) -> None:
        self._orders.put(deed)

    def _begin_stop(self) -> None:
        self._is_stopping = True

    def _cancel(self, tickets: list[int]) -> None:
        for ticket in tickets:
            if self._deliveries.pop(ticket, None) is not None:
                self._batch.cancel(ticket)
                self._closed(1)

    def _closed(self, count: int) -> None:
        with self._lock:
            self._open -= count

    def _run(self) -> None:
        while not (self._is_stopping and self._batch.is_idle):
            try:
                self._take_orders()
                for piece in self._batch.step():
                    self._pass_on(piece)
            except Exception:  # noqa: BLE001  the worker loop: one bug must not end it, and is logged with an id
                self._give_up()

    def _take_orders(self) -> None:
        """Waits for an order where nothing runs, then takes every other that came."""
        if self._batch.is_idle and not self._is_stopping:
            self._orders.get()()
        while True:
            try:
                self._orders.get_nowait()()
            except Empty:
                return

    def _pass_on(self, piece: Piece) -> None:
        deliver = self._deliveries.get(piece.ticket)
        if piece.answer is not None and self._deliveries.pop(piece.ticket, None) is not None:
            self._closed(1)
        if deliver is not None:
            deliver(piece)

    def _give_up(self) -> None:
        """After a bug: every open request fails under one error id, and a fresh batch starts."""
        error_id = uuid4().hex[:12]
        log.exception("the running batch failed, error id %s", error_id)
        failed, self._deliveries = self._deliveries, {}
        self._batch = self._engine.session()
        self._closed(len(failed))
        fault = EngineFault(f"the engine failed, error id {error_id}", hint="try again")
        for ticket, deliver in failed.items():
            deliver(Piece(ticket, fault=fault))
