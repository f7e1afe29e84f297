"""uvicorn's connection with bounds on what one client may send: sizes, counts, times, and one reading only."""

import asyncio
import re
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES = 16_384
MAX_HEADERS = 64
MAX_FRAMING_SHARE = 8
"""Bytes around each byte of a chunked body; a chunk of one byte has five."""
READ_SECONDS = 30.0
LINGER_SECONDS = 1.0
MAX_DISCARDED_BYTES = 128_000_000
_HOST = re.compile(rb"^(?:[A-Za-z0-9._~\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$")
_SINGLE = frozenset({b"host", b"content-length", b"authorization", b"content-type", b"transfer-encoding"})


class _Refused(Exception):
    """The request is answered with a status and the connection ends."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class BoundedProtocol(HttpToolsProtocol):
    """Refuses what two servers could read in two ways, and whoever sends without end or not at all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seen: set[bytes] = set()
        self._head_bytes = self._framing_bytes = self._body_bytes = self._count = self._discarded = 0
        self._head_is_whole = self._is_over = self._is_reading = False
        self._fault: _Refused | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client came, and has a while to ask."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left."""
        self._expect_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of requests; those after a refusal are dropped."""
        if self._is_over:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED_BYTES:
                self.transport.abort()
            return
        before = self._body_bytes
        is_in_body = self._head_is_whole
        try:
            super().data_received(data)
            self._count_bytes(len(data) - (self._body_bytes - before), is_in_body=is_in_body)
        except _Refused as fault:
            self._refuse(fault)

    def send_400_response(self, msg: str) -> None:
        """Tell in our shape what uvicorn found to be no HTTP, or what was found wrong here."""
        self._refuse(self._fault or _Refused(400, msg))

    def on_message_begin(self) -> None:
        """llhttp: a request begins."""
        super().on_message_begin()
        self._head_is_whole, self._is_reading = False, True
        self._seen, self._count, self._framing_bytes, self._body_bytes = set(), 0, 0, 0
        self._expect()

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: one header, or a trailer."""
        lower = name.lower()
        self._count += 1
        if self._head_is_whole:
            self._fail(400, "trailers are not taken")
        if self._count > MAX_HEADERS:
            self._fail(431, "the request has too many headers")
        if lower in _SINGLE and lower in self._seen:
            self._fail(400, f"the header {lower.decode('latin-1')!r} appears twice")
        if lower == b"host" and not _HOST.match(value):
            self._fail(400, "the header 'host' names no host")
        self._seen.add(lower)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """llhttp: the body comes next."""
        self._head_is_whole, self._head_bytes = True, 0
        if self.parser.get_http_version() == "1.1" and b"host" not in self._seen:
            self._fail(400, "the header 'host' is missing")
        if not self.url.startswith(b"/"):
            self._fail(400, "the target must be a path")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """llhttp: a piece of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """llhttp: the request is whole; what takes long from here on is ours."""
        self._head_is_whole = self._is_reading = False
        self._expect_no_more()
        super().on_message_complete()

    def _count_bytes(self, size: int, *, is_in_body: bool) -> None:
        if not self._is_reading:
            return
        if not self._head_is_whole:
            self._head_bytes += size
            if self._head_bytes > MAX_HEAD_BYTES:
                raise _Refused(431, "the request's headers are too large")
        elif is_in_body:
            self._framing_bytes += size
            if self._framing_bytes > MAX_HEAD_BYTES + MAX_FRAMING_SHARE * self._body_bytes:
                raise _Refused(400, "the body is mostly framing")

    def _fail(self, status: int, message: str) -> None:
        self._fault = _Refused(status, message)
        raise self._fault  # httptools wraps it, and uvicorn asks for a 400 then

    def _refuse(self, fault: _Refused) -> None:
        """Answer, read on for a moment so that the client sees it, and close."""
        if self._is_over:
            return
        self._is_over = True
        self._expect_no_more()
        if self.transport.is_closing():
            return
        if self._owes_an_answer():
            self.transport.abort()  # there is no place for another
            return
        if self.cycle is not None:
            self.cycle.disconnected = True  # whoever reads this body is told that nobody waits
            self.cycle.message_event.set()
        self.transport.write(_response(fault))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.close)

    def _owes_an_answer(self) -> bool:
        """Whether a whole request waits here for its answer, or an answer is under way."""
        cycle = self.cycle
        if self.pipeline:
            return True
        return cycle is not None and not cycle.response_complete and (cycle.response_started or not cycle.more_body)

    def _expect(self) -> None:
        self._expect_no_more()
        late = _Refused(408, "the request did not arrive in time")
        self._timer = asyncio.get_running_loop().call_later(READ_SECONDS, self._refuse, late)

    def _expect_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _response(fault: _Refused) -> bytes:
    error = {"message": fault.message, "type": "invalid_request_error", "param": None, "code": "bad_request"}
    body = orjson.dumps({"error": error})
    head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    return STATUS_LINE[fault.status] + head + body
