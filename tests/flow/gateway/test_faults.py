"""Back ends that fail in every way they can: the baseline answers, the client is told, nothing leaks or hangs."""

import json
from collections.abc import Iterator

import httpx
import pytest

from luthier.domain.routes import RouteTable
from luthier.gateway.app import Gateway, create_app
from luthier.gateway.config import BackendsConfig, GatewayConfig
from tests.flow.gateway.faulty import Faulty
from tests.flow.gateway.serving import MemoryPorts, answering, route
from tests.flow.serving.served import until

CONFIG = GatewayConfig(
    upstream_timeout_seconds=2, backends=BackendsConfig(open_after=1_000, idle_seconds=2, retry_share=0)
)
HEADERS = {"authorization": "Bearer sk-right"}
WORDS = {
    "reset": "closed early", "busy": "status 429", "broken": "status 500", "slow": "timeout", "hangs": "timeout",
    "torn_json": "not JSON", "torn_body": "closed early", "no_http": "not HTTP", "no_completion": "no completion",
}  # fmt: skip
TORN = {
    "reset_mid_stream": {"reset", "closed early"}, "torn_events": {"not JSON", "closed early"},
    "long_line": {"LineTooLong"}, "hangs_in_stream": {"timeout"},
}  # fmt: skip


@pytest.fixture
def ports(backend_url: str) -> MemoryPorts:
    table = RouteTable(version=1, stable=route("ok"), fallback=route("base"), salt="s", backends={"local": backend_url})
    return MemoryPorts(table)


@pytest.fixture
def app(ports: MemoryPorts) -> Gateway:
    return create_app(ports, CONFIG)


@pytest.fixture
def url(app: Gateway) -> Iterator[str]:
    with answering(app, CONFIG) as url:
        yield f"{url}/v1/chat/completions"


def asked(url: str, *, stream: bool = False) -> httpx.Response:
    body = {"model": "crm", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    return httpx.post(url, json=body, headers=HEADERS, timeout=120)


def turn_to(ports: MemoryPorts, name: str, *, fallback: str | None = "base") -> None:
    routes = {"stable": route(name), "fallback": route(fallback) if fallback else None}
    ports.table = ports.table.model_copy(update=routes)


@pytest.mark.parametrize("name", WORDS)
def test_the_baseline_answers_for_a_back_end_that_fails(name: str, url: str, ports: MemoryPorts) -> None:
    turn_to(ports, name)
    said = asked(url)
    assert (said.status_code, said.headers["x-luthier-release"]) == (200, "base")
    assert said.json()["choices"][0]["message"]["content"] == "base: ok"
    assert [kept.error for kept in ports.interactions] == [f"back end down: {WORDS[name]}", None]


def test_a_back_end_that_refuses_connections_is_answered_for(url: str, ports: MemoryPorts) -> None:
    gone = route("ok")
    model = gone.variant.model.model_copy(update={"engine": "openai", "base_url": "http://127.0.0.1:9/v1"})
    gone = gone.model_copy(update={"variant": gone.variant.model_copy(update={"model": model})})
    ports.table = ports.table.model_copy(update={"stable": gone})
    assert asked(url).headers["x-luthier-release"] == "base"
    assert ports.interactions[0].error == "back end down: refused"


@pytest.mark.parametrize("name", TORN)
def test_a_stream_that_breaks_is_told_and_kept_with_what_it_said(name: str, url: str, ports: MemoryPorts) -> None:
    turn_to(ports, name)
    events = [line.removeprefix("data: ") for line in asked(url, stream=True).text.splitlines() if line]
    assert json.loads(events[0])["choices"][0]["delta"]["content"] == "so far"
    assert json.loads(events[-1])["error"]["code"] == "upstream_lost"
    [kept] = ports.interactions
    assert kept.answered == "so far"
    assert (kept.error or "").removeprefix("back end lost: ") in TORN[name]


def test_what_retry_after_says_reaches_the_client_when_nothing_else_is_left(url: str, ports: MemoryPorts) -> None:
    turn_to(ports, "busy", fallback=None)
    refused = asked(url)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")


def test_a_back_end_that_asked_for_time_is_not_asked_again(url: str, ports: MemoryPorts, faulty: Faulty) -> None:
    turn_to(ports, "busy")
    asked(url)
    before = len(faulty.asked)
    turn_to(ports, "busy", fallback=None)
    assert asked(url).status_code == 503
    assert len(faulty.asked) == before
    assert ports.interactions[-1].error == "back end down: breaker open"


def test_a_kept_connection_that_was_closed_costs_no_failure(url: str, ports: MemoryPorts) -> None:
    turn_to(ports, "one_then_closed")
    assert [asked(url).headers["x-luthier-release"] for _ in range(4)] == ["one_then_closed"] * 4


@pytest.mark.parametrize(("name", "stream"), [("hangs", False), ("hangs_in_stream", True)])
def test_a_client_that_leaves_takes_the_request_at_the_back_end_with_it(
    name: str, stream: bool, url: str, ports: MemoryPorts, faulty: Faulty, app: Gateway
) -> None:
    turn_to(ports, name)
    before = faulty.left
    body = {"model": "crm", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    with httpx.Client(timeout=0.5) as client, pytest.raises(httpx.ReadTimeout):
        client.post(url, json=body, headers=HEADERS)
    until(lambda: faulty.left == before + 1, "the back end to see the client leave", seconds=60)
    until(lambda: [kept.error for kept in ports.interactions] == ["client_closed"], "the record", seconds=60)
    assert app.chat.backends.open_count() == 0


def test_failures_are_counted_by_word_for_whoever_watches(url: str, ports: MemoryPorts) -> None:
    turn_to(ports, "broken")
    asked(url)
    metrics = httpx.get(url.replace("/v1/chat/completions", "/metrics"), headers=HEADERS).text
    assert 'luthier_backend_failures_total{engine="local",fault="status 500"} 1' in metrics
    assert 'luthier_fallbacks_total{engine="local"} 1' in metrics
    assert "hello" not in metrics
