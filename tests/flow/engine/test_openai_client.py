"""The served engine through the official OpenAI client, over real HTTP."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx
import openai
import pytest
import torch
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from luthier.domain.examples import Message
from luthier.domain.variants import Decoding
from luthier.engine.app import create_app
from luthier.engine.guard import OPEN_PATHS
from luthier.variants.config import ModelConfig
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.local import LocalEngine
from luthier.variants.engines.openai import OpenAIEngine
from tests.unit.variants.tiny import save_tiny_adapter, save_tiny_model

KEY = "sk-right"
QUESTION = [{"role": "user", "content": "please update the account"}]


class _Server(uvicorn.Server):
    """A server that tells when it listens, without polling."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:
        await super().startup(sockets)  # type: ignore[arg-type]
        self.listens.set()


@contextmanager
def listening(app: Starlette) -> Iterator[str]:
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    assert server.listens.wait(30)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def adapters(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("adapters")
    save_tiny_adapter(tiny, root / "first", seed=0)
    return root


@pytest.fixture(scope="module")
def url(tiny: Path, adapters: Path) -> Iterator[str]:
    engine = LocalEngine.load(tiny, batch_size=4)
    engine.add_adapter("tuned", adapters / "first")
    app = create_app(engine, base_names=("base", "alias"), api_keys=[SecretStr(KEY)], adapters_root=adapters)
    with listening(app) as found:
        yield found


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@cache
def _loaded(folder: Path, adapter: Path | None) -> LocalEngine:
    engine = LocalEngine.load(folder, batch_size=1)
    if adapter is not None:
        engine.add_adapter("a", adapter)
    return engine


def alone(folder: Path, text: str, *, adapter: Path | None = None, **decoding: object) -> str:
    """What the engine answers in this process."""
    engine = _loaded(folder, adapter)
    request = EngineRequest(
        messages=(Message(role="user", content=text),),
        adapter="a" if adapter else None,
        decoding=Decoding.model_validate({"max_tokens": 12, **decoding}),
    )
    return engine.answer([request])[0].text or ""


def test_a_chat_completion_is_the_engines_own_answer(client: openai.OpenAI, tiny: Path) -> None:
    made = client.chat.completions.create(model="base", messages=QUESTION, temperature=0, max_tokens=12)
    assert made.choices[0].message.content == alone(tiny, QUESTION[0]["content"])
    assert made.choices[0].finish_reason in ("stop", "length")
    assert made.usage is not None
    assert made.usage.completion_tokens <= 12
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


def test_an_adapter_answers_under_its_name(client: openai.OpenAI, tiny: Path, adapters: Path) -> None:
    made = client.chat.completions.create(model="tuned", messages=QUESTION, temperature=0, max_tokens=12)
    said = made.choices[0].message.content
    assert said == alone(tiny, QUESTION[0]["content"], adapter=adapters / "first")
    assert said != alone(tiny, QUESTION[0]["content"])


def test_a_stream_joins_to_the_whole_answer_and_tells_its_usage(client: openai.OpenAI, tiny: Path) -> None:
    stream = client.chat.completions.create(
        model="base",
        messages=QUESTION,
        temperature=0,
        max_tokens=12,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == alone(tiny, QUESTION[0]["content"])
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in ("stop", "length")
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens <= 12
    assert len(chunks) > 4, "the text came in one piece, so nothing was streamed"


def test_choices_have_seeds_of_their_own_and_the_seed_fixes_them(client: openai.OpenAI) -> None:
    asked = {"model": "base", "messages": QUESTION, "temperature": 1.2, "max_tokens": 10, "n": 3, "seed": 5}
    first, second = (client.chat.completions.create(**asked) for _ in range(2))
    said = [choice.message.content for choice in first.choices]
    assert said == [choice.message.content for choice in second.choices]
    assert len(set(said)) > 1
    assert [choice.index for choice in first.choices] == [0, 1, 2]


def test_many_requests_at_once_are_answered_as_if_alone(client: openai.OpenAI, tiny: Path) -> None:
    texts = [f"order {'the ' * place}account" for place in range(9)]

    def ask(text: str) -> str | None:
        message = {"role": "user", "content": text}
        made = client.chat.completions.create(model="alias", messages=[message], temperature=0, max_tokens=12)
        return made.choices[0].message.content

    with ThreadPoolExecutor(9) as pool:
        assert list(pool.map(ask, texts)) == [alone(tiny, text) for text in texts]


def test_plain_completions_and_logprobs_and_stop(client: openai.OpenAI) -> None:
    made = client.completions.create(model="base", prompt=["the", "order"], max_tokens=4, temperature=0)
    assert [choice.index for choice in made.choices] == [0, 1]
    chat = client.chat.completions.create(
        model="base", messages=QUESTION, temperature=0, max_completion_tokens=6, logprobs=True
    )
    told = chat.choices[0].logprobs
    assert told is not None
    assert told.content is not None
    assert all(each.logprob <= 0 for each in told.content)
    whole = chat.choices[0].message.content or ""
    cut = client.chat.completions.create(model="base", messages=QUESTION, temperature=0, max_tokens=6, stop=whole[2:4])
    assert cut.choices[0].message.content == whole[: whole.index(whole[2:4])]
    assert cut.choices[0].finish_reason == "stop"


def test_models_lists_the_base_and_its_adapters(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} >= {"base", "alias", "tuned"}
    assert client.models.retrieve("tuned").id == "tuned"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def test_an_unknown_model_is_refused_by_name(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(model="nobody", messages=QUESTION)
    assert refusal.value.code == "model_not_found"


def test_a_bad_key_is_refused_and_not_repeated(url: str) -> None:
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="sk-wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as refusal,
    ):
        client.chat.completions.create(model="base", messages=QUESTION)
    assert refusal.value.code == "unauthenticated"
    assert "sk-wrong" not in str(refusal.value)


def test_every_route_but_the_listed_ones_needs_a_key(url: str, tiny: Path) -> None:
    paths = [route.path for route in create_app(LocalEngine.load(tiny), base_names=("b",), api_keys=[]).routes]
    assert len(paths) >= 7
    for path in [*paths, "/nothing", "/v1/chat/completions/"]:
        status = httpx.get(f"{url}{path}").status_code
        assert status == (200 if path in OPEN_PATHS else 401), path


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"top_p": 0.5}, "top_p", "invalid_parameter"),
        ({"tools": []}, "tools", "unsupported_parameter"),
        ({"temperture": 0}, "temperture", "unsupported_parameter"),
        ({"max_tokens": 0}, "max_tokens", "invalid_parameter"),
        ({"messages": []}, "messages", "invalid_parameter"),
        ({"stream": True, "logprobs": True}, "logprobs", "unsupported_parameter"),
    ],
)
def test_what_is_not_supported_is_refused_by_its_name(
    url: str, change: dict[str, object], param: str, code: str
) -> None:
    body = {"model": "base", "messages": QUESTION, **change}
    refusal = httpx.post(f"{url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"})
    error = refusal.json()["error"]
    assert (refusal.status_code, error["param"], error["code"]) == (400, param, code)
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_past_the_context_is_refused(client: openai.OpenAI, *, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(
            model="base", messages=[{"role": "user", "content": "the " * 400}], stream=stream
        )
    assert refusal.value.code == "context_length_exceeded"


def test_broken_bodies_and_unknown_paths_are_told_in_openais_shape(url: str) -> None:
    headers = {"authorization": f"Bearer {KEY}", "x-request-id": "my-id.1"}
    broken = httpx.post(f"{url}/v1/chat/completions", content=b"{", headers=headers)
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "invalid_body")
    assert broken.headers["x-request-id"] == "my-id.1"
    assert httpx.post(f"{url}/v1/chat/completions", content=b"[1]", headers=headers).status_code == 400
    large = httpx.post(f"{url}/v1/chat/completions", content=b" " * 4_000_001, headers=headers)
    assert (large.status_code, large.json()["error"]["code"]) == (413, "request_too_large")
    assert httpx.get(f"{url}/v1/nothing", headers=headers).json()["error"]["code"] == "not_found"
    assert httpx.get(f"{url}/v1/chat/completions", headers=headers).status_code == 405


def test_adapters_come_and_go_over_http_as_with_vllm(
    client: openai.OpenAI, url: str, tiny: Path, adapters: Path
) -> None:
    save_tiny_adapter(tiny, adapters / "late", seed=3)

    def post(path: str, **body: str) -> httpx.Response:
        return httpx.post(f"{url}/v1/{path}", json=body, headers={"authorization": f"Bearer {KEY}"})

    assert post("load_lora_adapter", lora_name="late", lora_path="late").status_code == 200
    assert post("load_lora_adapter", lora_name="late", lora_path=str(adapters / "late")).status_code == 200
    made = client.chat.completions.create(model="late", messages=QUESTION, temperature=0, max_tokens=12)
    assert made.choices[0].message.content == alone(tiny, QUESTION[0]["content"], adapter=adapters / "late")
    assert post("load_lora_adapter", lora_name="late", lora_path="first").json()["error"]["code"] == "name_in_use"
    assert post("load_lora_adapter", lora_name="base", lora_path="late").status_code == 400
    assert post("load_lora_adapter", lora_name="x", lora_path="../../etc").status_code == 403
    assert post("load_lora_adapter", lora_name="x", lora_path="nothing").json()["error"]["code"] == "missing_input"
    assert post("unload_lora_adapter", lora_name="late").status_code == 200
    assert post("unload_lora_adapter", lora_name="late").status_code == 404


def test_the_http_engine_gives_the_local_engines_answers(url: str, tiny: Path) -> None:
    model = ModelConfig(engine="openai", base_url=f"{url}/v1", id="base", concurrency=3)
    texts = [f"order {'the ' * place}account" for place in range(5)]
    requests = [
        EngineRequest(messages=(Message(role="user", content=text),), decoding=Decoding(max_tokens=12))
        for text in texts
    ]
    engine = OpenAIEngine(model, api_key=SecretStr(KEY))
    answers = engine.answer(requests)
    engine.close()
    assert [answer.text for answer in answers] == [alone(tiny, text) for text in texts]
    assert all(answer.prompt_tokens > 0 and answer.latency_seconds > 0 for answer in answers)


def test_a_stream_that_the_client_leaves_frees_the_engine(url: str, tiny: Path) -> None:
    body = {"model": "base", "messages": QUESTION, "stream": True, "max_tokens": 200, "temperature": 0}
    headers = {"authorization": f"Bearer {KEY}"}
    for _ in range(3):
        with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, headers=headers) as stream:
            assert next(stream.iter_lines()).startswith("data: ")
    made = httpx.post(f"{url}/v1/chat/completions", json={**body, "stream": False, "max_tokens": 4}, headers=headers)
    assert json.loads(made.content)["choices"][0]["message"]["content"] == alone(
        tiny, QUESTION[0]["content"], max_tokens=4
    )
