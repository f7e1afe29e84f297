"""Requests that nobody should survive, over real sockets: refused with 4xx, in bounded memory."""

import re
import socket
from collections.abc import Iterator

import psutil
import pytest

from luthier.domain.routes import RouteTable
from luthier.gateway.app import create_app
from luthier.gateway.config import GatewayConfig
from tests.flow.gateway.serving import MemoryPorts, answering, route

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sk-right\r\n"
CONFIG = GatewayConfig(max_connections=200)
MOST_GROWTH_BYTES = 64_000_000


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    ports = MemoryPorts(
        RouteTable(version=1, stable=route("old"), salt="s", backends={"local": "http://127.0.0.1:9/v1"})
    )
    with answering(create_app(ports, CONFIG), CONFIG) as url:
        yield int(url.rpartition(":")[2])


def status_of(port: int, *pieces: bytes) -> int:
    """The status that a client is answered with, who sends on although nobody wants to hear it."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as client:
        try:
            for piece in pieces:
                client.sendall(piece)
        except ConnectionError:
            pass
        answer = b""
        while b"\r\n" not in answer:
            got = client.recv(4_096)
            assert got, "the connection ended without an answer"
            answer += got
    return int(answer.split(b" ")[1])


def posted(body: bytes) -> bytes:
    return HEAD + b"content-length: %d\r\n\r\n" % len(body) + body


def chat(**more: str) -> bytes:
    members = {"model": '"crm"', "messages": '[{"role": "user", "content": "hi"}]'} | more
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}").encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (chat(n="1000000000"), 400),
        (chat(n="1e999"), 400),
        (chat(max_tokens="-1"), 400),
        (chat(seed="9" * 5_000), 400),
        (chat(stop="[" + ",".join(['"x"'] * 20_000) + "]"), 400),
        (chat(messages="[" + ",".join(['{"role":"user","content":""}'] * 30_000) + "]"), 400),
        (
            chat(response_format='{"type":"json_schema","json_schema":{"schema":' + '{"not":' * 150 + "{}" + "}" * 152),
            400,
        ),
        (b"\xff\xfe" * 100, 400),
        (b"null", 400),
        (b"", 400),
    ],
)
def test_a_hostile_body_is_refused(port: int, body: bytes, status: int) -> None:
    assert status_of(port, posted(body)) == status


def test_a_body_of_a_hundred_megabytes_is_refused_and_not_held(port: int) -> None:
    before = psutil.Process().memory_info().rss
    piece = b"x" * 1_000_000
    assert status_of(port, HEAD + b"content-length: 100000000\r\n\r\n", *[piece] * 100) == 413
    chunk = b"f4240\r\n" + piece + b"\r\n"
    assert status_of(port, HEAD + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 100) == 413
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH_BYTES


def test_a_million_messages_are_refused(port: int) -> None:
    many = chat(messages="[" + ",".join(['{"role":"user","content":""}'] * 1_000_000) + "]")
    assert status_of(port, posted(many)) == 413


def test_a_flood_of_headers_is_refused(port: int) -> None:
    assert status_of(port, HEAD, *[b"a%d: b\r\n" % number for number in range(10_000)]) == 431
    assert status_of(port, HEAD + b"a: ", *[b"x" * 10_000] * 100) == 431


@pytest.mark.parametrize("raw", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_is_400(port: int, raw: bytes) -> None:
    assert status_of(port, raw) == 400


def test_a_smuggled_request_is_never_answered(port: int) -> None:
    hidden = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"
    raw = HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + hidden
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(raw)
        told = b""
        while got := client.recv(4_096):
            told += got
    assert told.count(b"HTTP/1.1 ") == 1
    assert told.startswith(b"HTTP/1.1 400 ")


def test_a_client_that_wants_to_be_told_to_continue_is_told(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(HEAD + b"content-length: 4\r\nexpect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"null")
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_requests_sent_ahead_are_answered_in_order(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(
            b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n" * 2 + b"GET /no HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        )
        told = b""
        while got := client.recv(4_096):
            told += got
    assert re.findall(rb"HTTP/1.1 (\d+)", told) == [b"200", b"200", b"401"]


def test_one_connection_too_many_is_sent_away_and_the_others_stay(port: int) -> None:
    kept = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(CONFIG.max_connections)]
    for one in kept:
        one.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        assert one.recv(4_096).startswith(b"HTTP/1.1 200")
    assert status_of(port) == 503
    for one in kept:
        one.close()
