"""Requests off a connection: what no honest client sends is refused with its status, in whatever pieces it comes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.gateway.http.intake import BadRequest, Intake, Limits

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost:8080\r\n"
LIMITS = Limits(head_bytes=2_000, header_count=20, body_bytes=100)


def fed(*pieces: bytes) -> Intake:
    intake = Intake(LIMITS)
    for piece in pieces:
        intake.feed(piece)
    return intake


def refused(*pieces: bytes) -> int:
    with pytest.raises(BadRequest) as fault:
        fed(*pieces)
    return fault.value.status


def test_a_request_is_read_whole() -> None:
    [(request, keeps_alive)] = fed(HEAD + b"X-A: b\r\ncontent-length: 2\r\n\r\nhi").ready
    assert (request.method, request.path, request.body, keeps_alive) == (b"POST", "/v1/chat/completions", b"hi", True)
    assert request.headers[b"x-a"] == b"b"


@given(st.lists(st.integers(1, 90), max_size=6))
def test_the_pieces_a_request_comes_in_change_nothing(cuts: list[int]) -> None:
    raw = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n yo\r\n0\r\n\r\n"
    places = sorted({0, *cuts, len(raw)} & set(range(len(raw) + 1)))
    intake = fed(*[raw[start:end] for start, end in pairwise(places)])
    assert [request.body for request, _ in intake.ready] == [b"hi yo"]


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        HEAD + b"content-length: 2\r\ncontent-length: 2\r\n\r\nab",
        HEAD + b"content-length: +2\r\n\r\nab",
        HEAD + b"content-length: 2,2\r\n\r\nab",
        HEAD + b"content-length: 0x2\r\n\r\nab",
        HEAD + b"transfer-encoding: xchunked\r\n\r\n",
        HEAD + b"transfer-encoding: chunked, identity\r\n\r\n",
        HEAD + b"transfer-encoding : chunked\r\n\r\n",
        HEAD + b"a: b\r\n folded\r\n\r\n",
        HEAD + b"host: other\r\ncontent-length: 0\r\n\r\n",
        HEAD.replace(b"\r\n", b"\n") + b"content-length: 0\n\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: a b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: a/b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: user@evil\r\n\r\n",
        b"GET http://other/health HTTP/1.1\r\nhost: a\r\n\r\n",
        b"CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_smuggling_and_host_tricks_are_refused(raw: bytes) -> None:
    assert refused(raw) == 400


def test_a_body_over_the_limit_is_refused_at_its_announcement() -> None:
    assert refused(HEAD + b"content-length: 101\r\n\r\n") == 413
    assert refused(HEAD + b"content-length: 99999999999999999999\r\n\r\n") in {400, 413}


def test_a_body_without_an_announced_length_is_refused_when_it_passes_the_limit() -> None:
    chunk = b"32\r\n" + b"x" * 50 + b"\r\n"
    assert refused(HEAD + b"transfer-encoding: chunked\r\n\r\n", chunk, chunk, chunk) == 413


def test_a_flood_of_headers_is_refused_before_it_ends() -> None:
    assert refused(HEAD + b"".join(b"a%d: b\r\n" % number for number in range(30))) == 431
    assert refused(HEAD + b"a: " + b"x" * 1_000, b"x" * 1_000) == 431


def test_a_flood_of_requests_sent_ahead_is_refused() -> None:
    assert refused(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n" * 40) == 400
