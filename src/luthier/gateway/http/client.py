"""Connections to one back end, kept and used again; each carries one request at a time."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

MAX_BODY_BYTES = 8_000_000
MAX_HEAD_BYTES = 65_536
PAUSE_AT_BYTES = 262_144
END_SECONDS = 1.0


class BackendLost(Exception):
    """The connection failed, ended early, or carried what is no HTTP; the text is a fixed word without content."""

    def __init__(self, what: str, *, was_silent: bool = False) -> None:
        super().__init__(what)
        self.was_silent = was_silent
        """Whether not a byte of an answer had come, as when a kept connection turns out to be closed."""


@dataclass(frozen=True)
class Origin:
    """Where a back end listens."""

    host: str
    port: int
    is_tls: bool
    path: str

    @classmethod
    def of(cls, base_url: str) -> "Origin":
        """The origin of an address such as http://127.0.0.1:8001/v1."""
        parts = urlsplit(base_url)
        is_tls = parts.scheme == "https"
        return cls(parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls, parts.path.rstrip("/"))

    def head(self, path: str, *, key: str | None) -> bytes:
        """The request's head up to where `content-length` comes; constant for a route."""
        lines = [
            f"POST {self.path}{path} HTTP/1.1", f"host: {self.host}:{self.port}", "content-type: application/json",
            "accept-encoding: identity", *([f"authorization: Bearer {key}"] if key else []),
        ]  # fmt: skip
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a back end's address or key holds a line break")
        return "\r\n".join(lines).encode() + b"\r\ncontent-length: "


class Wire(asyncio.Protocol):
    """One connection to a back end."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.is_whole = False
        self.body: list[bytes] = []
        self._parser: Any = None
        self._size = self._head_size = self._unread = 0
        self._fault: BackendLost | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._wants_whole = True
        self._keeps_alive = False
        self.uses = 0
        self.has_said_all = False
        self.when_whole: Callable[[], None] | None = None

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        return self.is_whole and self._keeps_alive and self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The back end accepted."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its base class

    def connection_lost(self, fault: Exception | None) -> None:
        """The back end is gone: whoever waits is told, unless the answer is whole."""
        self.transport = None
        if not self.is_whole:
            self.lose("reset" if fault else "closed early")

    def eof_received(self) -> None:
        """An answer without a length ends here."""
        if self._parser is not None and not self.is_whole and self._is_unlimited():
            self.on_message_complete()

    def send(self, data: bytes, *, wants_whole: bool) -> None:
        """Send one request; its answer is read by `wait` and `body`."""
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.headers, self.body, self.is_whole = 0, {}, [], False
        self._size = self._head_size = self._unread = 0
        self._wants_whole, self.has_said_all, self.when_whole = wants_whole, False, None
        self.uses += 1
        if self.transport is None:
            raise BackendLost("closed early", was_silent=True)
        self.transport.write(data)

    async def wait(self) -> None:
        """Return at the next news: the head or a piece in a stream, else the whole answer; BackendLost on a fault."""
        if self._fault is not None:
            raise self._fault
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer."""
        if self._parser is None or self.is_whole:
            self.abort()  # nobody asked: what comes next would be taken for another request's answer
            return
        self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.lose("not HTTP")
            return
        if self.status == 0 and self._head_size > MAX_HEAD_BYTES:
            self.lose("headers too large")

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: one header."""
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """llhttp: the body comes next."""
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
            self._keeps_alive = self._parser.should_keep_alive()
            if not self._wants_whole:
                self._wake()

    def on_body(self, body: bytes) -> None:
        """llhttp: a piece of the body."""
        self._size += len(body)
        if self._wants_whole and self._size > MAX_BODY_BYTES:
            self.lose("too long an answer")
            return
        self.body.append(body)
        if not self._wants_whole:
            self._unread += len(body)
            if self._unread > PAUSE_AT_BYTES and self.transport is not None:
                self.transport.pause_reading()
            self._wake()

    def on_message_complete(self) -> None:
        """llhttp: the answer is whole."""
        if self.status:
            self.is_whole = True
            self._wake()
            if self.when_whole is not None:
                self.when_whole()

    def take(self) -> bytes:
        """What has arrived of a stream since the last look."""
        found = b"".join(self.body)
        self.body.clear()
        if self._unread > PAUSE_AT_BYTES and self.transport is not None:
            self.transport.resume_reading()
        self._unread = 0
        return found

    def abort(self) -> None:
        """Drop the connection: the back end sees that nobody listens any more."""
        if self.transport is not None:
            self.transport.abort()

    def _is_unlimited(self) -> bool:
        return bool(self.status) and b"content-length" not in self.headers and b"transfer-encoding" not in self.headers

    def lose(self, what: str) -> None:
        """Give the connection up and tell whoever waits why."""
        self._fault = BackendLost(what, was_silent=self.status == 0 and self._head_size == 0)
        self.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self._fault)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Pool:
    """Kept connections to one origin, the last used first."""

    def __init__(self, origin: Origin, *, most: int = 1_024, connect_seconds: float = 5.0) -> None:
        self._origin = origin
        self._most = most
        self._connect_seconds = connect_seconds
        self._idle: deque[Wire] = deque()
        self._ending = set[Wire]()
        self._tls = ssl.create_default_context() if origin.is_tls else None
        self.open_count = 0

    async def take(self) -> Wire:
        """A kept connection or a fresh one; BackendLost when none can be had."""
        while self._idle:
            wire = self._idle.pop()
            if wire.is_reusable:
                self.open_count += 1
                return wire
        return await self.fresh()

    async def fresh(self) -> Wire:
        """A connection that nobody used before; BackendLost when none can be had."""
        if self.open_count >= self._most:
            raise BackendLost("no connection is free", was_silent=True)
        self.open_count += 1
        try:
            return await self._connected()
        except BaseException:
            self.open_count -= 1
            raise

    def give(self, wire: Wire) -> None:
        """Take a connection back: for the next request if its answer came to an end, else to drop it."""
        self.open_count -= 1
        if wire.is_reusable and len(self._idle) < self._most:
            self._idle.append(wire)
        elif wire.has_said_all and not wire.is_whole:
            self._keep_when_whole(wire)
        else:
            wire.abort()

    def close(self) -> None:
        """Drop what is idle, and what only waits for the last bytes of a stream."""
        for wire in (*self._idle, *self._ending):
            wire.abort()
        self._idle.clear()

    def _keep_when_whole(self, wire: Wire) -> None:
        """A stream has told its end mark and its last bytes are still under way: nobody has to wait for them."""
        self._ending.add(wire)

        def drop() -> None:
            self._ending.discard(wire)
            wire.abort()

        timer = asyncio.get_running_loop().call_later(END_SECONDS, drop)

        def keep() -> None:
            timer.cancel()
            self._ending.discard(wire)
            if wire.is_reusable:
                self._idle.append(wire)
            else:
                wire.abort()

        wire.when_whole = keep

    async def _connected(self) -> Wire:
        loop, origin = asyncio.get_running_loop(), self._origin
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, wire = await loop.create_connection(
                    Wire, origin.host, origin.port, ssl=self._tls, server_hostname=origin.host if self._tls else None
                )
        except (OSError, TimeoutError) as fault:
            raise BackendLost(_word(fault), was_silent=True) from fault
        return wire


def _word(fault: Exception) -> str:
    if isinstance(fault, ConnectionRefusedError):
        return "refused"
    return "connect timeout" if isinstance(fault, TimeoutError) else "unreachable"


async def ask(pool: Pool, data: bytes, *, seconds: float) -> tuple[Wire, bytes]:
    """The answer's wire (status and headers) and its whole body; BackendLost on any fault or after `seconds`."""
    wire = await _answered(pool, data, wants_whole=True, seconds=seconds)
    pool.give(wire)
    return wire, b"".join(wire.body)


async def pieces(pool: Pool, data: bytes, *, idle_seconds: float) -> AsyncGenerator[tuple[Wire, bytes], None]:
    """First the wire once its head is there, then each piece of the body as it comes; closing drops the connection."""
    wire = await _answered(pool, data, wants_whole=False, seconds=idle_seconds)
    try:
        yield wire, wire.take()
        while not wire.is_whole or wire.body:
            await _news(wire, idle_seconds)
            yield wire, wire.take()
    finally:
        pool.give(wire)


async def _answered(pool: Pool, data: bytes, *, wants_whole: bool, seconds: float) -> Wire:
    """A wire on which the answer has begun, or is whole where that is wanted."""
    wire = await pool.take()
    while True:
        try:
            wire.send(data, wants_whole=wants_whole)
            await _news(wire, seconds)
        except BackendLost as fault:
            pool.give(wire)
            if wire.uses == 1 or not fault.was_silent:
                raise
            wire = await pool.fresh()  # a kept connection that had been closed meanwhile: nothing was answered
        except BaseException:
            pool.give(wire)
            raise
        else:
            return wire


async def _news(wire: Wire, seconds: float) -> None:
    if wire.body or wire.is_whole:
        return
    timer = asyncio.get_running_loop().call_later(seconds, wire.lose, "timeout")
    try:
        await wire.wait()
    finally:
        timer.cancel()
