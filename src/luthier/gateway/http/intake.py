"""Reading requests off a connection within limits; what no honest client sends is refused, never repaired."""

import re
from dataclasses import dataclass, field
from typing import Any

import httptools

from luthier.gateway.http.messages import Request

_HOST = re.compile(rb"^[A-Za-z0-9._~\-]{1,253}(?::[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?$")


class BadRequest(Exception):
    """Bytes that are no request this server takes; the connection ends after the answer."""

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class Limits:
    """What one connection may ask of the memory and the time of everybody."""

    head_bytes: int = 16_384
    header_count: int = 64
    body_bytes: int = 1_000_000
    read_seconds: float = 30.0
    idle_seconds: float = 75.0
    write_seconds: float = 60.0


@dataclass(eq=False)
class Intake:
    """The llhttp parser of one connection; whole requests pile up in `ready`."""

    limits: Limits
    ready: list[tuple[Request, bool]] = field(default_factory=list)
    """Requests with whether the connection lives on after their answer."""

    wants_continue: bool = False
    is_reading: bool = False
    """Whether a request has begun and is not whole."""

    _parser: Any = None
    _url: bytes = b""
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _count: int = 0
    _head_bytes: int = 0
    _head_is_whole: bool = False
    _body: list[bytes] = field(default_factory=list)
    _body_bytes: int = 0
    _framing_bytes: int = 0
    _fault: BadRequest | None = None

    def __post_init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Take over what arrived; BadRequest ends the connection."""
        before, is_in_body = self._body_bytes, self._head_is_whole
        if not is_in_body:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise BadRequest(400, "this server changes to no other protocol", "bad_request") from None
        except httptools.HttpParserCallbackError:
            raise self._fault or BadRequest(400, "the request cannot be read", "bad_request") from None
        except httptools.HttpParserError:
            raise BadRequest(400, "the request is no valid HTTP", "bad_request") from None
        if not self._head_is_whole and self._head_bytes > self.limits.head_bytes:
            raise BadRequest(431, "the request's headers are too large", "headers_too_large")
        if is_in_body and self._head_is_whole:
            self._framing_bytes += len(data) - (self._body_bytes - before)
            if self._framing_bytes > self.limits.head_bytes + _MOST_FRAMING * self._body_bytes:
                raise BadRequest(400, "the body is mostly framing", "bad_request")

    def on_message_begin(self) -> None:
        """llhttp: a request begins."""
        self.is_reading, self._head_is_whole = True, False
        self._url, self._headers, self._count, self._body, self._body_bytes = b"", {}, 0, [], 0
        self._framing_bytes = 0

    def on_url(self, url: bytes) -> None:
        """llhttp: a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: one header."""
        self._count += 1
        name = name.lower()
        if self._head_is_whole:
            self._refuse(400, "trailers are not taken", "bad_request")
        if self._count > self.limits.header_count:
            self._refuse(431, "the request has too many headers", "headers_too_large")
        if name in self._headers:
            if name in _SINGLE:
                self._refuse(400, f"the header {name.decode('latin-1')!r} appears twice", "bad_request")
            value = self._headers[name] + b", " + value
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        """llhttp: the body comes next."""
        self._head_is_whole, self._head_bytes = True, 0
        host = self._headers.get(b"host")
        if self._parser.get_http_version() == "1.1" and (host is None or not _HOST.match(host)):
            self._refuse(400, "the header 'host' is missing or names no host", "bad_request")
        if not self._url.startswith(b"/"):
            self._refuse(400, "the target must be a path", "bad_request")
        length = self._headers.get(b"content-length", b"0")
        if len(length) > 12 or int(length or b"0") > self.limits.body_bytes:
            self._refuse_body()
        self.wants_continue = self._headers.get(b"expect", b"").lower() == b"100-continue"

    def on_body(self, body: bytes) -> None:
        """llhttp: a piece of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > self.limits.body_bytes:
            self._refuse_body()
        self._body.append(body)

    def on_message_complete(self) -> None:
        """llhttp: the request is whole."""
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = Request(self._parser.get_method(), self._url, self._headers, body)
        self.ready.append((request, self._parser.should_keep_alive()))
        self.is_reading, self._body, self._head_is_whole = False, [], False
        if len(self.ready) > _MOST_AHEAD:
            self._refuse(400, "too many requests are sent ahead", "bad_request")

    def _refuse_body(self) -> None:
        self._refuse(413, f"the body is larger than {self.limits.body_bytes} bytes", "body_too_large")

    def _refuse(self, status: int, message: str, code: str) -> None:
        self._fault = BadRequest(status, message, code)
        raise self._fault


_SINGLE = frozenset({b"host", b"content-length", b"authorization", b"content-type", b"transfer-encoding"})
_MOST_AHEAD = 16
_MOST_FRAMING = 8
"""Bytes around each byte of a chunked body, on average; a chunk of one byte has five."""
