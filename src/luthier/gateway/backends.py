"""Back ends behind their breakers: one try, affordable retries, and the word for what went wrong."""

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from luthier.gateway.answers import BackendDown, BackendRefused, Said, part, refusal, whole
from luthier.gateway.compiled import ReadyRoute
from luthier.gateway.config import BackendsConfig
from luthier.gateway.http.client import BackendLost, Pool, Wire, ask, pieces
from luthier.gateway.http.events import Events, LineTooLong
from luthier.gateway.metrics import Metrics
from luthier.gateway.resilience import Breaker, Health, RetryBudget, retry_after

Arriving = AsyncGenerator[tuple[Wire, bytes], None]
CHAT, COMPLETIONS = "/chat/completions", "/completions"


@dataclass
class Backend:
    """One model at one address: the address's connections, and whether the model is left alone.

    An adapter that fails says nothing of the base model beside it, which is what answers then.
    """

    pool: Pool
    breaker: Breaker


class Backends:
    """All addresses that routes lead to."""

    def __init__(self, config: BackendsConfig, metrics: Metrics, *, timeout_seconds: float) -> None:
        self._config = config
        self._metrics = metrics
        self._timeout = timeout_seconds
        self._pools: dict[str, Pool] = {}
        self._known: dict[tuple[str, str], Backend] = {}
        self._budget = RetryBudget(config.retry_share)

    def of(self, route: ReadyRoute) -> Backend:
        """The back end of a route."""
        name = (route.address(), route.route.model)
        found = self._known.get(name)
        if found is None:
            pool = self._pools.get(name[0])
            if pool is None:
                pool = self._pools[name[0]] = Pool(route.origin, most=self._config.connections)
            breaker = Breaker(self._config.open_after, self._config.open_seconds)
            found = self._known[name] = Backend(pool, breaker)
        return found

    def health(self) -> dict[tuple[str, str], Health]:
        """Address and model -> up, trying or down."""
        return {name: backend.breaker.health() for name, backend in self._known.items()}

    def open_count(self) -> int:
        """Connections on which a request is under way."""
        return sum(pool.open_count for pool in self._pools.values())

    def close(self) -> None:
        """Drop all idle connections."""
        for pool in self._pools.values():
            pool.close()

    async def complete(self, route: ReadyRoute, path: str, body: bytes) -> Said:
        """The whole answer, after as many tries as are configured and affordable; BackendDown or BackendRefused."""
        self._budget.paid()
        for attempt in range(1, self._config.attempts + 1):
            try:
                return await self._try(route, path, body)
            except BackendDown as fault:
                if attempt == self._config.attempts or not self._may_retry(fault):
                    raise
                self._metrics.count("luthier_retries_total", _engine(route))
        raise BackendDown("no try was allowed")

    async def stream(self, route: ReadyRoute, path: str, body: bytes) -> AsyncGenerator[Said, None]:
        """The chunks as they come. A try is repeated only while nothing was given out."""
        self._budget.paid()
        for attempt in range(1, self._config.attempts + 1):
            has_begun = False
            try:
                async with aclosing(self._stream_once(route, path, body)) as chunks:
                    async for chunk in chunks:
                        has_begun = True
                        yield chunk
                return
            except BackendDown as fault:
                if has_begun or attempt == self._config.attempts or not self._may_retry(fault):
                    raise
                self._metrics.count("luthier_retries_total", _engine(route))

    async def _try(self, route: ReadyRoute, path: str, body: bytes) -> Said:
        began = time.monotonic()
        with self._admitted(route) as backend:
            wire, answer = await ask(backend.pool, _framed(route, path, body), seconds=self._timeout)
            if wire.status != 200:
                raise _fault(wire.status, wire.headers, answer)
            said = whole(answer, is_chat=path == CHAT)
        self._metrics.observe("luthier_backend_seconds", time.monotonic() - began, _engine(route))
        return said

    async def _stream_once(self, route: ReadyRoute, path: str, body: bytes) -> AsyncGenerator[Said, None]:
        with self._admitted(route) as backend:
            arriving = pieces(backend.pool, _framed(route, path, body), idle_seconds=self._config.idle_seconds)
            async with aclosing(arriving):
                async for chunk in _chunks(arriving, is_chat=path == CHAT):
                    yield chunk

    @contextmanager
    def _admitted(self, route: ReadyRoute) -> Iterator[Backend]:
        """The route's back end, if its breaker lets a request through; the breaker hears how the request went."""
        backend = self.of(route)
        if not backend.breaker.admits(time.monotonic()):
            raise BackendDown("breaker open")
        try:
            yield backend
        except _TOLD as fault:
            raise self._judged(backend, route, fault) from None
        except BaseException:
            backend.breaker.gave_up()
            raise
        backend.breaker.succeeded()

    def _judged(self, backend: Backend, route: ReadyRoute, fault: Exception) -> Exception:
        """What callers are told of a fault, after the breaker was told."""
        if isinstance(fault, BackendLost | LineTooLong):
            fault = BackendDown("LineTooLong" if isinstance(fault, LineTooLong) else str(fault))
        if isinstance(fault, BackendDown):
            backend.breaker.failed(time.monotonic(), at_least_seconds=fault.retry_seconds)
            self._metrics.count("luthier_backend_failures_total", _engine(route), str(fault))
        else:
            backend.breaker.succeeded()
        return fault

    def _may_retry(self, fault: BackendDown) -> bool:
        """A back end that asked to be left alone, or is, is not asked again at once."""
        return not fault.retry_seconds and str(fault) not in _FINAL and self._budget.takes()


_TOLD = (BackendLost, LineTooLong, BackendDown, BackendRefused)
_FINAL = frozenset({"breaker open", "timeout", "too long an answer"})


def _framed(route: ReadyRoute, path: str, body: bytes) -> bytes:
    return b"%b%d\r\n\r\n%b" % (route.head(path), len(body), body)


def _fault(status: int, headers: dict[bytes, bytes], body: bytes) -> Exception:
    if status in {429, 503}:
        return BackendDown(f"status {status}", retry_seconds=retry_after(headers.get(b"retry-after")))
    return refusal(status, body)


async def _chunks(arriving: Arriving, *, is_chat: bool) -> AsyncGenerator[Said, None]:
    """The chunks of a stream up to its end mark; BackendDown where it ends without one."""
    events = Events()
    wire, first = await anext(arriving)
    if wire.status != 200:
        refused = first + b"".join([piece async for _, piece in arriving])
        raise _fault(wire.status, wire.headers, refused)
    data = first
    while True:
        for event in events.feed(data):
            if event == b"[DONE]":
                wire.has_said_all = True
                return
            if event:
                yield part(event, is_chat=is_chat)
        if events.is_over:
            raise LineTooLong
        try:
            _, data = await anext(arriving)
        except StopAsyncIteration:
            raise BackendDown("closed early") from None


def _engine(route: ReadyRoute) -> str:
    return route.route.variant.model.engine
