"""The HTTP engine against a real server that answers as it is told."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from luthier.domain.examples import Message
from luthier.domain.money import Money, TokenPrice
from luthier.domain.variants import Decoding
from luthier.errors import EngineFault, Forbidden, UnknownName
from luthier.variants.config import ModelConfig
from luthier.variants.egress import TooLarge, open_client, send
from luthier.variants.engines.base import EngineRequest, EngineSetup
from luthier.variants.engines.catalogue import open_engine
from luthier.variants.engines.openai import OpenAIEngine, wait_seconds

KEY = "sk-very-secret"
Reply = tuple[int, dict[str, str], object]


def completion(text: str | None, finish: str = "stop") -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return 200, {}, {"id": "x", "choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}


@contextmanager
def server(answer: Callable[[dict[str, object], int], Reply]) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """An endpoint that answers each request by its body and its number; what it was sent is kept."""
    seen: list[dict[str, object]] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                seen.append({**body, "key": self.headers.get("authorization"), "path": self.path})
                number = len(seen) - 1
            status, headers, value = answer(body, number)
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            return

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_address[1]}/v1", seen
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def engine_at(url: str, waits: list[float] | None = None, **settings: object) -> OpenAIEngine:
    model = ModelConfig.model_validate({"engine": "openai", "id": "m", "base_url": url, **settings})
    return OpenAIEngine(model, api_key=SecretStr(KEY), sleep=(waits if waits is not None else []).append)


def ask(text: str = "hi", **rest: object) -> EngineRequest:
    return EngineRequest.model_validate({"messages": (Message(role="user", content=text),), **rest})


def test_answers_come_in_order_with_tokens_and_price() -> None:
    price = TokenPrice(input_per_million=1_000_000, output_per_million=2_000_000, currency="USD")
    with server(lambda body, _n: completion(str(body["messages"][-1]["content"]))) as (url, seen):  # type: ignore[index]
        engine = engine_at(url, price=price, concurrency=4)
        answers = engine.answer([ask(f"q{i}") for i in range(20)])
        engine.close()
    assert [answer.text for answer in answers] == [f"q{i}" for i in range(20)]
    assert answers[0].cost == Money(amount=7 + 6, currency="USD")
    assert {each["key"] for each in seen} == {f"Bearer {KEY}"}
    assert {each["path"] for each in seen} == {"/v1/chat/completions"}


def test_a_hosted_runs_note_says_what_its_adapter_is_called_at_the_provider(tmp_path: Path) -> None:
    (tmp_path / "hosted").mkdir()
    (tmp_path / "hosted" / "hosted.json").write_text(json.dumps({"model": "ft:m:org::1"}))
    (tmp_path / "served").mkdir()
    with server(lambda _b, _n: completion("a")) as (url, seen):
        engine = engine_at(url, concurrency=1)
        engine.add_adapter("digest-1", tmp_path / "hosted")
        engine.add_adapter("digest-2", tmp_path / "served")
        engine.answer([ask(adapter="digest-1"), ask(adapter="digest-2"), ask(), ask(adapter="digest-3")])
        assert engine.adapters == ["digest-1", "digest-2"]
        engine.close()
    assert [each["model"] for each in seen] == ["ft:m:org::1", "digest-2", "m", "digest-3"]


def test_the_decoding_is_sent_and_an_adapter_is_asked_for_by_name() -> None:
    decoding = Decoding(max_tokens=5, temperature=0.5, seed=3, stop=("x",))
    with server(lambda _b, _n: completion("a", "length")) as (url, seen):
        engine = engine_at(url)
        answer = engine.answer([ask(adapter="tuned", decoding=decoding)])[0]
        engine.close()
    assert answer.finish_reason == "length"
    sent = {name: seen[0][name] for name in ("model", "max_tokens", "temperature", "seed", "stop")}
    assert sent == {"model": "tuned", "max_tokens": 5, "temperature": 0.5, "seed": 3, "stop": ["x"]}


def test_what_may_pass_is_tried_again_with_growing_waits() -> None:
    def answer(_body: object, number: int) -> Reply:
        return [(500, {}, {}), (503, {}, {}), completion("late")][number]

    waits: list[float] = []
    with server(answer) as (url, seen):
        engine = engine_at(url, waits)
        assert engine.answer([ask()])[0].text == "late"
        engine.close()
    assert len(seen) == 3
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0


def test_retry_after_is_honoured() -> None:
    waits: list[float] = []
    replies = [(429, {"retry-after": "7"}, {}), completion("ok")]
    with server(lambda _b, number: replies[number]) as (url, _seen):
        engine = engine_at(url, waits)
        engine.answer([ask()])
        engine.close()
    assert waits == [7.0]


def test_patience_ends_and_the_row_says_why() -> None:
    with server(lambda _b, _n: (500, {}, {"error": {"code": "boom"}})) as (url, seen):
        engine = engine_at(url, max_attempts=3)
        answer = engine.answer([ask()])[0]
        engine.close()
    assert (answer.text, answer.finish_reason, len(seen)) == (None, "error", 3)
    assert answer.error == "the endpoint answered 500 (boom), 3 times"


def test_a_refused_question_is_not_asked_again() -> None:
    reply = (400, {}, {"error": {"code": "context_length_exceeded", "message": f"your text {KEY}"}})
    with server(lambda _b, _n: reply) as (url, seen):
        engine = engine_at(url)
        answer = engine.answer([ask()])[0]
        engine.close()
    assert (answer.error, len(seen)) == ("the endpoint answered 400 (context_length_exceeded)", 1)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_stops_everything_and_the_key_is_never_shown(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reply = (status, {}, {"error": {"message": f"bad key {KEY}", "code": KEY}})
    with server(lambda _b, _n: reply) as (url, _seen):
        engine = engine_at(url)
        with pytest.raises(EngineFault) as fault:
            engine.answer([ask()])
        engine.close()
    assert str(status) in str(fault.value)
    assert KEY not in f"{fault.value} {fault.value.hint} {caplog.text} {engine!r} {vars(engine)}"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"choices": []}', b'{"choices": [{"message": 3}]}'])
def test_a_reply_that_is_no_completion_is_an_error_of_its_row(body: bytes) -> None:
    with server(lambda _b, _n: (200, {}, body)) as (url, _seen):
        engine = engine_at(url)
        assert engine.answer([ask()])[0].error == "the endpoint sent no chat completion"
        engine.close()


def test_nobody_at_the_address_is_an_error_after_the_retries() -> None:
    with server(lambda _b, _n: completion("a")) as (url, _seen):
        pass
    waits: list[float] = []
    engine = engine_at(url, waits, max_attempts=2)
    answer = engine.answer([ask()])[0]
    engine.close()
    assert answer.error == "127.0.0.1 cannot be reached, 2 times"
    assert len(waits) == 1


def test_a_redirect_is_not_followed_and_an_endless_reply_is_cut_off() -> None:
    with server(lambda _b, _n: (302, {"location": "http://example.invalid/"}, {})) as (url, _seen):
        engine = engine_at(url)
        assert engine.answer([ask()])[0].error == "the endpoint answered 302"
        engine.close()
    with (
        server(lambda _b, _n: (200, {}, b"x" * 2_000)) as (url, _seen),
        open_client(timeout_seconds=5, connections=1) as client,
        pytest.raises(TooLarge, match="1,000 bytes"),
    ):
        send(client, "POST", url, body=b"{}", max_bytes=1_000)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "gopher://a", "http://", "/x"])
def test_only_http_leaves_the_process(url: str) -> None:
    with open_client(timeout_seconds=1, connections=1) as client, pytest.raises(Forbidden):
        send(client, "GET", url)


@given(st.integers(0, 12), st.one_of(st.none(), st.text(max_size=8)), st.integers())
def test_a_wait_is_bounded_whatever_the_endpoint_asks_for(attempt: int, retry_after: str | None, seed: int) -> None:
    wait = wait_seconds(attempt, retry_after, Random(seed))
    assert min(60.0, 0.25 * 2**attempt) <= wait <= 60.0
    assert wait == wait_seconds(attempt, retry_after, Random(seed))


@pytest.mark.parametrize(
    "settings",
    [
        {"engine": "openai"},
        {"engine": "openai", "base_url": "ftp://a"},
        {"engine": "openai", "base_url": "http://me:pass@a/v1"},
        {"engine": "openai", "base_url": "http://a", "api_key": "sk"},
        {"api_key_env": "not a name"},
    ],
)
def test_a_model_section_that_cannot_work_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ModelConfig.model_validate(settings)


def test_an_unknown_engine_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(UnknownName, match="'opnai'") as fault:
        open_engine(ModelConfig(engine="opnai"), EngineSetup())
    assert "'openai'" in fault.value.hint
