"""Bytes that two servers could read in two ways, at the gateway and at `luthier engine`: refused, bounded."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch
from pydantic import SecretStr

from luthier.domain.routes import RouteTable
from luthier.engine.serve import Serving, config_of
from luthier.gateway.app import create_app
from luthier.gateway.config import GatewayConfig
from luthier.variants.config import ModelConfig
from tests.flow.gateway.serving import MemoryPorts, answering, route, running
from tests.flow.gateway.wires import Told, talk
from tests.unit.variants.tiny import save_tiny_model

MOST_GROWTH_BYTES = 64_000_000
MODEL = "crm"
HEALTH = b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\n"
AUTH = b"authorization: Bearer sk-right\r\n"
HEAD = POST + b"host: a\r\n" + AUTH


@pytest.fixture(scope="module", params=["gateway", "engine"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if request.param == "gateway":
        table = RouteTable(version=1, stable=route("old"), salt="s", backends={"local": "http://127.0.0.1:9/v1"})
        config = GatewayConfig(max_connections=200)
        with answering(create_app(MemoryPorts(table), config), config) as url:
            yield int(url.rpartition(":")[2])
        return
    torch.set_num_threads(1)
    with running(config_of(engine_at(tmp_path_factory.mktemp("tiny")))) as url:
        yield int(url.rpartition(":")[2])


def engine_at(folder: Path) -> Serving:
    model = ModelConfig(id=str(save_tiny_model(folder / "model")), batch_size=4, threads=1)
    return Serving(model=model, port=0, api_keys=[SecretStr("sk-right")], served_names=(MODEL,))


@pytest.fixture(autouse=True)
def _the_next_request_is_answered(port: int) -> Iterator[None]:
    before = psutil.Process().memory_info().rss
    yield
    assert talk(port, [HEALTH]).statuses == [200]
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH_BYTES


def posted(body: bytes) -> bytes:
    return HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def chat(**more: str) -> bytes:
    members = {"model": f'"{MODEL}"', "messages": '[{"role": "user", "content": "hi"}]'} | more
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}").encode()


def refused_once(told: Told) -> bool:
    return len(told.statuses) == 1 and 400 <= told.statuses[0] < 500


TWO_READINGS = {
    "content-length and transfer-encoding": [b"content-length: 5", b"transfer-encoding: chunked"],
    "transfer-encoding and content-length": [b"transfer-encoding: chunked", b"content-length: 5"],
    "an encoding after chunked": [b"transfer-encoding: chunked, identity"],
    "an unknown encoding": [b"transfer-encoding: xchunked"],
    "two encodings": [b"transfer-encoding: chunked", b"transfer-encoding: identity"],
    "chunked twice": [b"transfer-encoding: chunked", b"transfer-encoding: chunked"],
    "a space before the colon": [b"transfer-encoding : chunked"],
    "a folded header": [b"transfer-encoding:\r\n chunked"],
    "a vertical tab": [b"transfer-encoding:\x0bchunked"],
    "two lengths": [b"content-length: 5", b"content-length: 0"],
    "the same length twice": [b"content-length: 0", b"content-length: 0"],
    "lengths in one header": [b"content-length: 5, 5"],
    "a length with a sign": [b"content-length: +5"],
    "a length below zero": [b"content-length: -5"],
    "a length in hex": [b"content-length: 0x5"],
    "a length past 64 bits": [b"content-length: 18446744073709551621"],
    "two hosts": [b"host: b", b"content-length: 5"],
    "a bare line feed in a header": [b"x: a\ntransfer-encoding: chunked"],
    "a NUL in a header": [b"x: a\x00b", b"content-length: 5"],
    "a bare carriage return in a header": [b"x: a\rb", b"content-length: 5"],
}


@pytest.mark.parametrize("name", TWO_READINGS)
def test_a_request_with_two_readings_is_refused_and_what_it_hides_is_not_answered(port: int, name: str) -> None:
    told = talk(port, [HEAD + b"\r\n".join(TWO_READINGS[name]) + b"\r\n\r\n0\r\n\r\n" + HEALTH])
    assert refused_once(told), told
    assert told.is_closed


CHUNKS = {
    "a size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a size in 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size past 64 bits": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "no end of a chunk": b"5\r\nhelloX0\r\n\r\n",
    "an extension without end": b"5;" + b"a" * 3_000_000 + b"\r\nhello\r\n0\r\n\r\n",
    "a bare line feed after the size": b"5\nhello\r\n0\r\n\r\n",
    "an authorization in the trailers": b"0\r\nauthorization: Bearer sk-right\r\n\r\n",
    "trailers without end": b"0\r\n" + b"a: b\r\n" * 50_000 + b"\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_chunk_that_is_none_is_refused(port: int, name: str) -> None:
    told = talk(port, [HEAD + b"transfer-encoding: chunked\r\n\r\n" + CHUNKS[name] + HEALTH])
    assert refused_once(told), told


HOSTS = [b"", b"a b", b"a@b", b"a/b", b"a:99999999", b"a\\b", b"[::1", b"a,b", b"a?b", b"a#b"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_none_is_refused(port: int, host: bytes) -> None:
    told = talk(port, [b"GET /v1/models HTTP/1.1\r\nconnection: close\r\nhost: " + host + b"\r\n" + AUTH + b"\r\n"])
    assert refused_once(told), told


@pytest.mark.parametrize("target", [b"http://evil/v1/models", b"*", b"//evil/v1/models", b"/v1/../v1/models"])
def test_a_target_that_is_no_path_of_ours_is_refused(port: int, target: bytes) -> None:
    told = talk(port, [b"GET " + target + b" HTTP/1.1\r\nconnection: close\r\nhost: a\r\n" + AUTH + b"\r\n"])
    assert refused_once(told), told


BODIES = {
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a depth within a member": chat(stop="[" * 100_000 + "]" * 100_000),
    "n of a milliard": chat(n="1000000000"),
    "n past a float": chat(n="1e999"),
    "NaN": chat(temperature="NaN"),
    "Infinity": chat(temperature="Infinity"),
    "minus Infinity": chat(presence_penalty="-Infinity"),
    "a lone surrogate": chat(user='"\\ud800"'),
    "a lone surrogate in a message": chat(messages='[{"role": "user", "content": "\\udfff"}]'),
    "no UTF-8": b"\xff\xfe" * 100,
    "no UTF-8 in a message": chat().replace(b"hi", b"\xc3\x28"),
    "a NUL after the end": chat() + b"\x00",
    "a number of a million digits": chat(seed="9" * 500_000),
    "null": b"null",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_refused(port: int, name: str) -> None:
    told = talk(port, [posted(BODIES[name])])
    assert refused_once(told), told


def test_a_million_messages_are_refused(port: int) -> None:
    many = chat(messages="[" + ",".join(['{"role":"user","content":""}'] * 1_000_000) + "]")
    assert talk(port, [posted(many)]).statuses == [413]


def test_a_hundred_megabytes_are_refused_and_not_held(port: int) -> None:
    piece = b"x" * 1_000_000
    assert talk(port, [HEAD + b"content-length: 100000000\r\n\r\n", *[piece] * 100]).statuses == [413]
    chunk = b"f4240\r\n" + piece + b"\r\n"
    assert talk(port, [HEAD + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 100]).statuses == [413]


@pytest.mark.parametrize("line", [b"a%d: b\r\n", b"x%d: " + b"y" * 5_000 + b"\r\n"])
def test_a_flood_of_headers_is_refused_before_it_is_over(port: int, line: bytes) -> None:
    told = talk(port, [HEAD, *[line % number for number in range(20_000)]])
    assert told.statuses == [431], told


def test_a_header_without_end_is_refused(port: int) -> None:
    assert talk(port, [HEAD + b"a: ", *[b"x" * 10_000] * 3_000]).statuses == [431]


def test_a_target_without_end_is_refused(port: int) -> None:
    told = talk(port, [b"GET /", *[b"x" * 10_000] * 3_000])
    assert refused_once(told), told
