"""The gateway through the official OpenAI client, over real HTTP."""

import json
from collections.abc import Iterator

import httpx
import openai
import pytest

from luthier.domain.calls import ToolSpec
from luthier.domain.routes import RouteTable
from luthier.gateway.app import OPEN_PATHS, create_app
from luthier.gateway.config import GatewayConfig
from tests.flow.gateway.serving import LONG, MemoryPorts, answering, backend, listening, route


@pytest.fixture(scope="module")
def backend_url() -> Iterator[str]:
    with listening(backend) as url:
        yield f"{url}/v1"


@pytest.fixture
def ports(backend_url: str) -> MemoryPorts:
    table = RouteTable(
        version=1, stable=route("old"), fallback=route("base"), salt="s", backends={"local": backend_url}
    )
    return MemoryPorts(table)


@pytest.fixture
def gateway_url(ports: MemoryPorts) -> Iterator[str]:
    config = GatewayConfig(max_body_bytes=50_000)
    with answering(create_app(ports, config), config) as url:
        yield url


@pytest.fixture
def client(gateway_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway_url}/v1", api_key="sk-right", max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, text: str = "hello", **more: object) -> openai.types.chat.ChatCompletion:
    return client.chat.completions.create(model="crm", messages=[{"role": "user", "content": text}], **more)


def test_an_answer_comes_from_the_stable_release_and_is_kept(client: openai.OpenAI, ports: MemoryPorts) -> None:
    said = ask(client, user="mia")
    assert said.choices[0].message.content == "old: hello (96)"
    assert said.usage is not None
    assert said.usage.total_tokens == 10
    kept = ports.interactions[0]
    assert (kept.id, kept.release_id, kept.arm, kept.asked) == (said.id, "old", "stable", "hello")
    assert "mia" not in kept.model_dump_json()


def test_a_stream_gives_the_same_text_piece_by_piece(client: openai.OpenAI, ports: MemoryPorts) -> None:
    stream = client.chat.completions.create(
        model="crm",
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "old: hello (96)"
    assert len(chunks) > 3
    assert chunks[-1].usage is not None
    assert ports.interactions[0].answered == text


def test_an_answer_that_comes_in_many_pieces_is_read_to_its_end(client: openai.OpenAI, ports: MemoryPorts) -> None:
    ports.table = ports.table.model_copy(update={"stable": route("long")})
    assert ask(client).choices[0].message.content == LONG
    assert [(kept.release_id, kept.error) for kept in ports.interactions] == [("long", None)]


def test_a_stream_whose_next_line_has_no_end_tells_the_client_and_is_kept_as_lost(
    client: openai.OpenAI, ports: MemoryPorts
) -> None:
    ports.table = ports.table.model_copy(update={"stable": route("long")})
    question = [{"role": "user", "content": "hello"}]
    stream = client.chat.completions.create(model="crm", messages=question, stream=True)
    with pytest.raises(openai.APIError, match="stopped while it answered"):
        list(stream)
    assert [kept.error for kept in ports.interactions] == ["back end lost: LineTooLong"]


def test_an_unknown_model_is_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="'gpt-9' does not exist"):
        client.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hi"}])


def test_a_bad_key_is_401_and_nothing_is_kept(gateway_url: str, ports: MemoryPorts) -> None:
    client = openai.OpenAI(base_url=f"{gateway_url}/v1", api_key="sk-wrong", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError) as refused:
        ask(client)
    assert "sk-wrong" not in str(refused.value)
    assert ports.interactions == []


def test_every_route_but_the_listed_open_ones_needs_a_key(gateway_url: str, ports: MemoryPorts) -> None:
    app = create_app(ports, GatewayConfig())
    walked = [(method, each.path) for each in app.routes for method in each.methods]
    assert len(walked) >= 4
    for method, path in walked:
        status = httpx.request(method, gateway_url + path).status_code
        assert (status == 401) != (path in OPEN_PATHS), path


def test_a_parameter_that_would_be_ignored_is_refused_by_name(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'logit_bias' is not supported"):
        ask(client, logit_bias={"1": 5})


def test_max_tokens_narrows_the_release_and_never_widens_it(client: openai.OpenAI) -> None:
    assert ask(client, max_tokens=5).choices[0].message.content == "old: hello (5)"
    assert ask(client, max_tokens=5_000).choices[0].message.content == "old: hello (96)"


def test_a_dead_back_end_is_answered_by_the_fallback(client: openai.OpenAI, ports: MemoryPorts) -> None:
    ports.table = ports.table.model_copy(update={"stable": route("dead")})
    said = ask(client)
    assert said.choices[0].message.content == "base: hello (96)"
    failed, answered = ports.interactions
    assert (failed.arm, failed.error) == ("stable", "back end down: status 500")
    assert (answered.arm, answered.id, answered.error) == ("fallback", said.id, None)


def test_a_dead_back_end_is_answered_by_the_fallback_in_a_stream_too(client: openai.OpenAI, ports: MemoryPorts) -> None:
    ports.table = ports.table.model_copy(update={"stable": route("dead")})
    stream = client.chat.completions.create(model="crm", messages=[{"role": "user", "content": "hi"}], stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "base: hi (96)"


def test_when_every_route_is_dead_the_client_gets_503_and_may_retry(client: openai.OpenAI, ports: MemoryPorts) -> None:
    ports.table = ports.table.model_copy(update={"stable": route("dead"), "fallback": None})
    with pytest.raises(openai.InternalServerError) as down:
        ask(client)
    assert down.value.status_code == 503
    assert down.value.response.headers["retry-after"] == "1"


def test_a_request_that_the_back_end_refuses_is_not_tried_elsewhere(client: openai.OpenAI, ports: MemoryPorts) -> None:
    with pytest.raises(openai.BadRequestError, match="the prompt is too long"):
        ask(client, "x" * 20_000)
    assert [item.error for item in ports.interactions] == ["refused: context_length_exceeded"]


def test_a_body_over_the_limit_is_refused_before_it_is_read_whole(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        ask(client, "x" * 60_000)
    assert refused.value.status_code == 413


def test_feedback_reaches_the_answer_it_is_about(client: openai.OpenAI, gateway_url: str, ports: MemoryPorts) -> None:
    said = ask(client)
    headers = {"authorization": "Bearer sk-right"}
    body = {"response_id": said.id, "kind": "solved", "value": True}
    assert httpx.post(f"{gateway_url}/v1/feedback", json=body, headers=headers).status_code == 201
    assert ports.feedback[0].interaction_id == said.id
    unknown = httpx.post(f"{gateway_url}/v1/feedback", json=body | {"response_id": "no"}, headers=headers)
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("solved", "no"), ("solved", 0), ("solved", None), ("escalation", "false"), ("thumb", "sideways"),
        ("score", "high"), ("score", True), ("score", 1e308 * 10), ("edit", 5), ("edit", ""),
    ],
)  # fmt: skip
def test_feedback_that_its_kind_does_not_know_is_refused_and_not_recorded(
    client: openai.OpenAI, gateway_url: str, ports: MemoryPorts, kind: str, value: object
) -> None:
    body = json.dumps({"response_id": ask(client).id, "kind": kind, "value": value})
    refused = httpx.post(f"{gateway_url}/v1/feedback", content=body, headers={"authorization": "Bearer sk-right"})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "value"
    assert ports.feedback == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [("solved", False), ("escalation", True), ("thumb", "up"), ("thumb", False), ("score", 4.5), ("edit", "Better.")],
)
def test_feedback_of_every_kind_is_taken(
    client: openai.OpenAI, gateway_url: str, ports: MemoryPorts, kind: str, value: object
) -> None:
    body = {"response_id": ask(client).id, "kind": kind, "value": value}
    taken = httpx.post(f"{gateway_url}/v1/feedback", json=body, headers={"authorization": "Bearer sk-right"})
    assert taken.status_code == 201
    assert ports.feedback[0].value == value


def test_an_answer_that_is_no_valid_call_is_marked(client: openai.OpenAI, ports: MemoryPorts) -> None:
    ports.known_tools = [ToolSpec(name="log", parameters={"type": "object"})]
    ask(client)
    assert ports.interactions[0].guards == {"valid_call": False}


def test_a_killed_table_sends_everybody_to_the_fallback(client: openai.OpenAI, ports: MemoryPorts) -> None:
    ports.table = ports.table.model_copy(update={"switch": "killed"})
    assert ask(client).choices[0].message.content == "base: hello (96)"


def test_personal_data_is_taken_out_before_the_model_is_asked_and_before_anything_is_kept(
    client: openai.OpenAI, ports: MemoryPorts
) -> None:
    said = ask(client, "call +44 20 7946 0000")
    assert said.choices[0].message.content == "old: call <PHONE_NUMBER> (96)"
    assert ports.interactions[0].asked == "call <PHONE_NUMBER>"
