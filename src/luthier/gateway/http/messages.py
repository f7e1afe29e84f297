"""One HTTP request as it arrived and one response as it leaves."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Request:
    """What a client sent: header names are lower-case bytes, the body is whole."""

    method: bytes
    target: bytes
    headers: Mapping[bytes, bytes]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition(b"?")[0].decode("latin-1")


@dataclass(slots=True)
class Response:
    """A status with its headers, and a whole body or the chunks of one."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    chunks: AsyncGenerator[bytes, None] | None = field(default=None)


def head_of(response: Response, *, date: bytes, keeps_alive: bool) -> bytes:
    """Status line and headers, to the empty line."""
    length = (
        b"transfer-encoding: chunked" if response.chunks is not None else b"content-length: %d" % len(response.body)
    )
    lines = [
        status_line(response.status), b"content-type: " + response.content_type, length, b"date: " + date,
        *[name + b": " + value for name, value in response.headers],
    ]  # fmt: skip
    if not keeps_alive:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


@lru_cache(maxsize=128)
def status_line(status: int) -> bytes:
    """The first line of a response."""
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()
