"""Connections of clients: one request at a time, answered whole or in chunks, given up when the client leaves."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import cast

from luthier.gateway.http.intake import BadRequest, Intake, Limits
from luthier.gateway.http.messages import Request, Response, head_of

Answer = Callable[[Request], Awaitable[Response]]
Refusal = Callable[[BadRequest], Response]
SWEEP_SECONDS = 1.0
LINGER_SECONDS = 1.0
MOST_AHEAD_BYTES = 65_536
MOST_DISCARDED_BYTES = 32_000_000


@dataclass(eq=False)
class Server:
    """Everything that the connections of one process share."""

    answer: Answer
    refusal: Refusal
    limits: Limits
    most_connections: int = 10_000
    connections: set["Connection"] = field(default_factory=set)
    date: bytes = b""
    is_stopping: bool = False

    async def listen(self, sock: socket.socket) -> asyncio.Server:
        """Accept on `sock` until the returned server is closed."""
        self.sweep()
        return await asyncio.get_running_loop().create_server(lambda: Connection(self), sock=sock)

    def sweep(self) -> None:
        """Every second: the date, and an end to connections that outstay their time."""
        self.date = formatdate(usegmt=True).encode()
        now = time.monotonic()
        for connection in tuple(self.connections):
            connection.check(now)
        asyncio.get_running_loop().call_later(SWEEP_SECONDS, self.sweep)

    async def drain(self, seconds: float) -> None:
        """Let what was begun come to its end for a while; idle connections are closed at once."""
        self.is_stopping = True
        for connection in tuple(self.connections):
            connection.close_if_idle()
        tasks = [each.task for each in self.connections if each.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._intake = Intake(server.limits)
        self._transport: asyncio.Transport | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_paused = self._is_ended = False
        self._since = time.monotonic()
        self._discarded = 0
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came; one too many is sent away."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its base class
        self._server.connections.add(self)
        if len(self._server.connections) > self._server.most_connections:
            self._end(BadRequest(503, "too many connections are open", "overloaded"))

    def connection_lost(self, _fault: Exception | None) -> None:
        """The client left: what was being done for it is cancelled."""
        self._server.connections.discard(self)
        self._transport = None
        if self.task is not None:
            self.task.cancel()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        if self._is_ended:
            self._discard(len(data))
            return
        if not self._intake.is_reading:
            self._since = time.monotonic()
        try:
            self._intake.feed(data)
        except BadRequest as fault:
            self._end(fault)
            return
        if self._intake.wants_continue and self._intake.is_reading and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._intake.wants_continue = False
        if self.task is None and self._intake.ready:
            self._next()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._is_paused = True
        self._since = time.monotonic()

    def resume_writing(self) -> None:
        """The client has caught up, or is gone."""
        self._is_paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def check(self, now: float) -> None:
        """End the connection if its time is over: reading, idle, or not reading what we write."""
        limits, age = self._server.limits, now - self._since
        if self._transport is None:
            return
        if self._is_paused:
            if age > limits.write_seconds:
                self._transport.abort()
        elif self.task is None and not self._is_ended:
            if self._intake.is_reading and age > limits.read_seconds:
                self._end(BadRequest(408, "the request did not arrive in time", "request_timeout"))
            elif not self._intake.is_reading and age > limits.idle_seconds:
                self._transport.close()

    def close_if_idle(self) -> None:
        """Close when nobody waits for an answer here."""
        if self.task is None and self._transport is not None:
            self._transport.close()

    def _next(self) -> None:
        request, keeps_alive = self._intake.ready.pop(0)
        self.task = asyncio.get_running_loop().create_task(self._serve(request, keeps_alive=keeps_alive))

    async def _serve(self, request: Request, *, keeps_alive: bool) -> None:
        is_whole = False
        try:
            is_whole = await self._respond(request, await self._server.answer(request), keeps_alive=keeps_alive)
        finally:
            if not is_whole and self._transport is not None:
                self._transport.abort()  # a body that broke off must not look like one that ended
        self.task = None
        self._since = time.monotonic()
        if self._transport is None:
            return
        if not keeps_alive or self._server.is_stopping:
            self._transport.close()
        elif self._intake.ready:
            self._next()

    async def _respond(self, request: Request, response: Response, *, keeps_alive: bool) -> bool:
        """Whether the response was sent to its proper end."""
        keeps_alive = keeps_alive and not self._server.is_stopping
        head = head_of(response, date=self._server.date, keeps_alive=keeps_alive)
        if response.chunks is not None:
            return await self._stream(head, response.chunks)
        if self._transport is not None:
            self._transport.write(head if request.method == b"HEAD" else head + response.body)
        return True

    async def _stream(self, head: bytes, chunks: AsyncGenerator[bytes, None]) -> bool:
        """Whether the body came to its proper end."""
        waiting = head
        async with contextlib.aclosing(chunks) as body:
            async for chunk in body:
                if self._transport is None:
                    return False
                self._transport.write(b"%b%x\r\n%b\r\n" % (waiting, len(chunk), chunk))
                waiting = b""
                if self._is_paused:
                    self._writable = asyncio.get_running_loop().create_future()
                    await self._writable
        if self._transport is not None:
            self._transport.write(waiting + b"0\r\n\r\n")
        return True

    def _end(self, fault: BadRequest) -> None:
        """Answer with the refusal, read on for a moment so that the client sees it, and close."""
        self._is_ended = True
        if self._transport is None:
            return
        if self.task is not None:  # an answer is under way: there is no place for another
            self._transport.abort()
            return
        response = self._server.refusal(fault)
        self._transport.write(head_of(response, date=self._server.date, keeps_alive=False) + response.body)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._close)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > MOST_DISCARDED_BYTES and self._transport is not None:
            self._transport.abort()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
