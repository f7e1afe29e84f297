"""The two ends of the gateway's benchmark: an upstream that answers at once, and clients that ask again and again."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httptools
import orjson
import uvloop

ANSWER = "The call with Harbour Mills is booked for Monday."
CHUNKS = 50
_USAGE = {"prompt_tokens": 31, "completion_tokens": 11, "total_tokens": 42}


def _whole() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    body = orjson.dumps({"id": "x", "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _event(choices: list[dict[str, Any]], **more: object) -> bytes:
    return b"data: " + orjson.dumps({"object": "chat.completion.chunk", "choices": choices, **more}) + b"\n\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = _whole()
TOKENS = [_chunk(_event([{"index": 0, "delta": {"content": f"w{n} "}, "finish_reason": None}])) for n in range(CHUNKS)]
END = (
    _chunk(_event([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    + _chunk(_event([], usage=_USAGE))
    + _chunk(b"data: [DONE]\n\n")
    + b"0\r\n\r\n"
)


class Upstream(asyncio.Protocol):
    """A back end that costs as little as one can: it looks for `"stream":true` and answers from memory."""

    def __init__(self, between_seconds: float) -> None:
        self._between = between_seconds
        self._body = b""
        self._parser = httptools.HttpRequestParser(self)
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """A piece of a body came."""
        self._body += body

    def on_message_complete(self) -> None:
        """A message is whole."""
        streams, self._body = b'"stream":true' in self._body, b""
        if streams:
            self._transport.write(HEAD)
            self._token(0)
        else:
            self._transport.write(WHOLE)

    def _token(self, number: int) -> None:
        if number == CHUNKS:
            self._transport.write(END)
            return
        self._transport.write(TOKENS[number])
        asyncio.get_running_loop().call_later(self._between, self._token, number + 1)


def serve_upstream(port: int, between_seconds: float) -> None:
    """Answer on `port` until killed."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Upstream(between_seconds), "127.0.0.1", port, backlog=4_096)
        await server.serve_forever()

    uvloop.run(run())


@dataclass
class Outcome:
    """What one load came to."""

    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    chunks: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, outcome: Outcome, until: float, done: asyncio.Future[None], most: int) -> None:
        self._request, self._outcome, self._until, self._done, self._most = request, outcome, until, done, most
        self._transport: Any = None
        self._began = 0.0
        self._body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = transport
        self._ask()

    def connection_lost(self, _fault: Exception | None) -> None:
        """Gone; a failure where an answer was due."""
        if not self._done.done():
            self._outcome.failures += 1
            self._done.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._outcome.chunks += data.count(b'"content":"w')
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """A message is whole."""
        if self._parser.get_status_code() != 200:
            self._outcome.failures += 1
        self._outcome.latencies.append(time.perf_counter() - self._began)
        self._most -= 1
        if time.perf_counter() < self._until and self._most:
            self._ask()
        else:
            self._done.set_result(None)
            self._transport.close()

    def _ask(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._began = time.perf_counter()
        self._transport.write(self._request)


def request_bytes(port: int, key: str, *, stream: bool, users: int = 0) -> bytes:
    """One chat request as it goes over the wire."""
    question = {"role": "user", "content": "Please book a call with Harbour Mills on Monday, and tell Mia."}
    body = orjson.dumps({"model": "bench", "messages": [question], "user": f"rep-{users}", "stream": stream})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def ask_all(
    outcome: Outcome, port: int, key: str, *, clients: int, until: float, stream: bool, most: int
) -> None:
    """Return when each of `clients` connections has asked `most` times, or at `until`."""
    loop, waiting = asyncio.get_running_loop(), []
    for number in range(clients):
        done: asyncio.Future[None] = loop.create_future()
        request = request_bytes(port, key, stream=stream, users=number)
        await loop.create_connection(
            lambda request=request, done=done: Client(request, outcome, until, done, most), "127.0.0.1", port
        )
        waiting.append(done)
    await asyncio.gather(*waiting)


def load(port: int, key: str, *, clients: int, seconds: float, stream: bool = False, most: int = -1) -> Outcome:
    """What `clients` connections see for `seconds`, or until each has asked `most` times."""
    outcome = Outcome()
    began, cpu = time.perf_counter(), time.process_time()
    uvloop.run(ask_all(outcome, port, key, clients=clients, until=began + seconds, stream=stream, most=most))
    outcome.wall_seconds, outcome.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return outcome
