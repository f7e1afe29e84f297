"""The Responses API through the official client, over real HTTP; what it comes to is a chat completion."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import openai
import pytest
from pydantic import BaseModel

from luthier.domain.routes import RouteTable
from luthier.gateway.app import create_app
from luthier.gateway.config import GatewayConfig, GuardsConfig, LimitsConfig
from tests.flow.gateway.faulty import Faulty
from tests.flow.gateway.serving import MemoryPorts, answering, route

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
TOOL = {"type": "function", "name": "log", "parameters": {"type": "object"}, "strict": False}
ASKED = {"model": "crm", "input": "hello"}
Client = Callable[..., openai.OpenAI]


class Counted(BaseModel):
    """What a client wants parsed."""

    n: int


@pytest.fixture
def ports(backend_url: str) -> MemoryPorts:
    return MemoryPorts(RouteTable(version=1, stable=route("ok"), salt="s", backends={"local": backend_url}))


@pytest.fixture
def client_of(ports: MemoryPorts) -> Iterator[Client]:
    with ExitStack() as stack:

        def made(config: GatewayConfig | None = None) -> openai.OpenAI:
            chosen = config or GatewayConfig()
            url = stack.enter_context(answering(create_app(ports, chosen), chosen))
            return stack.enter_context(
                openai.OpenAI(base_url=f"{url}/v1", api_key="sk-right", max_retries=0, timeout=60)
            )

        yield made


def serve(ports: MemoryPorts, name: str) -> None:
    ports.table = ports.table.model_copy(update={"stable": route(name)})


def say(faulty: Faulty, ports: MemoryPorts, name: str, *pieces: str) -> None:
    faulty.texts[name] = list(pieces)
    serve(ports, name)


def call(faulty: Faulty, ports: MemoryPorts, name: str, *deltas: dict[str, object], finish: str = "tool_calls") -> None:
    faulty.deltas[name] = (list(deltas), finish)
    serve(ports, name)


def piece(index: int, arguments: str, **begins: str) -> dict[str, object]:
    function = {"arguments": arguments} | ({"name": begins["name"]} if begins else {})
    return {"tool_calls": [{"index": index, "function": function} | ({"id": begins["id"]} if begins else {})]}


def test_an_answer_comes_with_its_usage_and_is_kept_under_its_id(client_of: Client, ports: MemoryPorts) -> None:
    raw = client_of().responses.with_raw_response.create(**ASKED)
    said = raw.parse()
    assert (said.output_text, said.status, said.object, said.model) == ("ok: ok", "completed", "response", "crm")
    assert said.usage is not None
    assert (said.usage.input_tokens, said.usage.output_tokens, said.usage.total_tokens) == (7, 3, 10)
    assert said.id.startswith("resp_")
    assert raw.headers["x-request-id"] == said.id == ports.interactions[0].id
    assert raw.headers["x-luthier-release"] == "ok"
    assert (ports.interactions[0].asked, ports.interactions[0].answered) == ("hello", "ok: ok")


def test_what_was_asked_reaches_the_back_end_as_a_chat(client_of: Client, faulty: Faulty) -> None:
    client_of().responses.create(
        **ASKED, instructions="In French.", max_output_tokens=20, temperature=0.5, top_p=0.25, tools=[TOOL],
        tool_choice={"type": "function", "name": "log"}, parallel_tool_calls=False, user="mia",
        text={"format": {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True}},
    )  # fmt: skip
    asked = faulty.asked[-1]
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief.\n\nIn French."}, {"role": "user", "content": "hello"},
    ]  # fmt: skip
    assert (asked["max_tokens"], asked["temperature"], asked["top_p"]) == (20, 0.5, 0.25)
    assert asked["tools"] == [
        {"type": "function", "function": {"name": "log", "parameters": {"type": "object"}, "strict": False}}
    ]
    assert asked["tool_choice"] == {"type": "function", "function": {"name": "log"}}
    assert asked["parallel_tool_calls"] is False
    assert asked["response_format"] == {
        "type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True},
    }  # fmt: skip
    assert "user" not in asked


def test_items_reach_the_back_end_as_turns_calls_beside_the_text_before_them(client_of: Client, faulty: Faulty) -> None:
    called = {"type": "function_call", "name": "log", "arguments": "{}"}
    client_of().responses.create(
        model="crm",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "log "}, {"type": "input_text", "text": "it"}]},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "I will.", "annotations": [], "logprobs": []}]},
            {**called, "call_id": "c1"}, {**called, "call_id": "c2"},
            {"type": "function_call_output", "call_id": "c1", "output": "done"},
            {"type": "function_call_output", "call_id": "c2", "output": "done too"},
        ],
    )  # fmt: skip
    function = {"type": "function", "function": {"name": "log", "arguments": "{}"}}
    assert faulty.asked[-1]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "log it"},
        {"role": "assistant", "content": "I will.", "tool_calls": [{**function, "id": "c1"}, {**function, "id": "c2"}]},
        {"role": "tool", "content": "done", "tool_call_id": "c1"},
        {"role": "tool", "content": "done too", "tool_call_id": "c2"},
    ]


def test_the_output_of_a_response_can_be_sent_back_as_input(client_of: Client, faulty: Faulty) -> None:
    client = client_of()
    first = client.responses.create(**ASKED)
    turns = [{"role": "user", "content": "hello"}, *[item.model_dump(exclude_none=True) for item in first.output]]
    client.responses.create(model="crm", input=[*turns, {"role": "user", "content": "again"}])
    sent = faulty.asked[-1]["messages"]
    assert isinstance(sent, list)
    assert [turn["content"] for turn in sent[1:]] == ["hello", "ok: ok", "again"]


def test_calls_of_functions_are_told_at_once_or_as_they_come(
    client_of: Client, faulty: Faulty, ports: MemoryPorts
) -> None:
    call(faulty, ports, "calls", {"content": "Look: "}, piece(0, '{"a":', id="c1", name="log"), piece(0, "1}"),
         piece(1, "{}", id="c2", name="find"))  # fmt: skip
    client = client_of()
    whole = client.responses.create(**ASKED, tools=[TOOL])
    with client.responses.stream(**ASKED, tools=[TOOL]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    wanted = [("message", None), ("function_call", '{"a":1}'), ("function_call", "{}")]
    for said in (whole, final):
        assert [(item.type, getattr(item, "arguments", None)) for item in said.output] == wanted
        assert [getattr(item, "call_id", None) for item in said.output] == [None, "c1", "c2"]
        assert said.output_text == "Look: "
    added, done = "response.output_item.added", "response.output_item.done"
    argued = ["response.function_call_arguments.delta"]
    assert [event.type for event in events] == [
        "response.created", "response.in_progress",
        added, "response.content_part.added", "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", done,
        added, *argued * 2, "response.function_call_arguments.done", done,
        added, *argued, "response.function_call_arguments.done", done,
        "response.completed",
    ]  # fmt: skip


def test_a_stream_counts_its_events_and_ends_with_the_whole_response(client_of: Client, ports: MemoryPorts) -> None:
    events = list(client_of().responses.create(**ASKED, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "ok: ok"
    last = events[-1]
    assert last.type == "response.completed"
    assert (last.response.output_text, last.response.id) == ("ok: ok", ports.interactions[0].id)
    assert last.response.usage is not None
    assert last.response.usage.total_tokens == 10
    assert (ports.interactions[0].answered, ports.interactions[0].prompt_tokens) == ("ok: ok", 7)


def test_an_answer_that_says_nothing_is_one_empty_message(
    client_of: Client, faulty: Faulty, ports: MemoryPorts
) -> None:
    say(faulty, ports, "silent", "")
    client = client_of()
    whole, streamed = client.responses.create(**ASKED), list(client.responses.create(**ASKED, stream=True))[-1]
    assert streamed.type == "response.completed"
    for said in (whole, streamed.response):
        assert [item.type for item in said.output] == ["message"]
        assert said.output_text == ""


def test_an_answer_that_was_cut_says_why(client_of: Client, faulty: Faulty, ports: MemoryPorts) -> None:
    call(faulty, ports, "cut", {"content": "so far"}, finish="length")
    client = client_of()
    whole, streamed = client.responses.create(**ASKED), list(client.responses.create(**ASKED, stream=True))[-1]
    assert streamed.type == "response.incomplete"
    for said in (whole, streamed.response):
        assert said.incomplete_details is not None
        assert (said.status, said.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        assert said.output[0].status == "incomplete"


def test_a_refusal_is_told_as_one(client_of: Client, faulty: Faulty, ports: MemoryPorts) -> None:
    call(faulty, ports, "refuses", {"refusal": "I "}, {"refusal": "cannot."}, finish="stop")
    client = client_of()
    whole, streamed = client.responses.create(**ASKED), list(client.responses.create(**ASKED, stream=True))[-1]
    assert streamed.type == "response.completed"
    for said in (whole, streamed.response):
        assert said.output[0].content[0].refusal == "I cannot."


def test_a_model_of_the_client_is_parsed_out_of_the_stream(
    client_of: Client, faulty: Faulty, ports: MemoryPorts
) -> None:
    say(faulty, ports, "json", '{"n"', ": 3}")
    with client_of().responses.stream(**ASKED, text_format=Counted) as stream:
        stream.until_done()
        parsed = stream.get_final_response().output_parsed
    assert parsed == Counted(n=3)
    assert ports.interactions[0].guards == {"schema": True}


@pytest.mark.parametrize(
    ("more", "param", "told"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "earlier turns in 'input'"),
        ({"conversation": "conv_1"}, "conversation", "not supported here"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt", "the release holds the prompt"),
        ({"store": True}, "store", "fetched later"),
        ({"store": False}, "store", "leave it out"),
        ({"background": True}, "background", "at once or streamed"),
        ({"truncation": "auto"}, "truncation", "too long is refused"),
        ({"include": ["reasoning.encrypted_content"]}, "include", "'include' is not supported"),
        ({"reasoning": {"effort": "low"}}, "reasoning", "'reasoning' is not supported"),
        ({"metadata": {"a": "b"}}, "metadata", "'metadata' is not supported"),
        ({"tools": [TOOL, {"type": "web_search"}]}, "tools.1", "tools of type 'web_search'"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}, "tools.0", "tools of type 'file_search'"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice", "of type 'file_search'"),
        ({"input": [{"type": "item_reference", "id": "i"}]}, "input.0", "items of type 'item_reference'"),
        ({"input": [{"role": "system", "content": "x"}]}, "input", "role 'user'"),
        ({"max_output_tokens": 0}, "max_output_tokens", "greater than or equal to 1"),
        ({"input": []}, "input", "at least 1 item"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name_before_a_back_end_is_asked(
    more: dict[str, object], param: str, told: str, client_of: Client, faulty: Faulty, ports: MemoryPorts
) -> None:
    before = len(faulty.asked)
    with pytest.raises(openai.BadRequestError, match=told) as refused:
        client_of().responses.create(**(ASKED | more))
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")
    assert (len(faulty.asked), ports.interactions) == (before, [])


def test_a_picture_is_refused_by_its_name(client_of: Client) -> None:
    picture = {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"}
    with pytest.raises(openai.BadRequestError, match="parts of type 'input_image'"):
        client_of().responses.create(model="crm", input=[{"role": "user", "content": [picture]}])


def test_values_that_change_nothing_are_taken(client_of: Client) -> None:
    said = client_of().responses.create(**ASKED, background=False, truncation="disabled", previous_response_id=None)
    assert said.output_text == "ok: ok"


def test_errors_have_the_shapes_of_chat_completions(client_of: Client) -> None:
    client = client_of(GatewayConfig(limits=LimitsConfig(requests_per_minute=2)))
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-wrong").responses.create(**ASKED)
    with pytest.raises(openai.NotFoundError, match="'gpt-9' does not exist"):
        client.responses.create(model="gpt-9", input="hi")
    client.responses.create(**ASKED)
    with pytest.raises(openai.RateLimitError) as refused:
        client.responses.create(**ASKED)
    assert refused.value.code == "rate_limit_exceeded"


def test_a_dead_back_end_falls_back_as_a_chat_does(client_of: Client, ports: MemoryPorts) -> None:
    ports.table = ports.table.model_copy(update={"stable": route("broken"), "fallback": route("base")})
    client = client_of()
    assert client.responses.create(**ASKED).output_text == "base: ok"
    assert list(client.responses.create(**ASKED, stream=True))[-1].response.output_text == "base: ok"
    assert [kept.arm for kept in ports.interactions] == ["stable", "fallback"] * 2


def test_users_meet_the_same_release_as_in_chats(client_of: Client, ports: MemoryPorts) -> None:
    ports.table = ports.table.model_copy(update={"canary": route("new"), "canary_percent": 50.0})
    client = client_of()
    for user in map(str, range(12)):
        client.responses.create(**ASKED, user=user)
        client.chat.completions.create(model="crm", messages=[{"role": "user", "content": "hello"}], user=user)
    arms = [kept.arm for kept in ports.interactions]
    assert arms[::2] == arms[1::2]
    assert set(arms) == {"stable", "canary"}


def test_a_stream_that_is_lost_ends_as_failed_and_is_kept_as_lost(client_of: Client, ports: MemoryPorts) -> None:
    serve(ports, "reset_mid_stream")
    last = list(client_of().responses.create(**ASKED, stream=True))[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert "stopped while it answered" in last.response.error.message
    assert (ports.interactions[0].error or "").startswith("back end lost")


@pytest.mark.parametrize(
    "deltas",
    [
        [{"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}],
        [{"tool_calls": "none"}],
        [piece(0, "{", id="c1", name="log"), piece(1, "{", id="c2", name="log"), piece(0, "}")],
    ],
)
def test_calls_that_make_no_sense_are_the_back_end_s_fault(
    deltas: list[dict[str, object]], client_of: Client, faulty: Faulty, ports: MemoryPorts
) -> None:
    call(faulty, ports, "nonsense", *deltas)
    assert list(client_of().responses.create(**ASKED, stream=True))[-1].type == "response.failed"


def test_links_and_leaks_are_taken_out_of_responses_too(client_of: Client, faulty: Faulty, ports: MemoryPorts) -> None:
    say(faulty, ports, "leaks", "Mail bob", "@exam", "ple.org; see ![a](https://evil.example/?q=1)")
    client = client_of(GatewayConfig(guards=GuardsConfig(leaks="mask")))
    streamed = list(client.responses.create(**ASKED, stream=True))[-1].response.output_text
    assert streamed == client.responses.create(**ASKED).output_text
    assert streamed.startswith("Mail <EMAIL_ADDRESS>; see ")
    assert "evil.example" not in streamed


def test_the_answer_can_be_judged_by_its_id(client_of: Client, ports: MemoryPorts) -> None:
    client = client_of()
    said = client.responses.create(**ASKED)
    thumb = {"response_id": said.id, "kind": "thumb", "value": "up"}
    told = httpx.post(f"{client.base_url}feedback", json=thumb, headers={"authorization": "Bearer sk-right"})
    assert (told.status_code, len(ports.feedback)) == (201, 1)


def test_each_event_is_named_as_its_type(client_of: Client) -> None:
    client = client_of()
    told = httpx.post(
        f"{client.base_url}responses", json=ASKED | {"stream": True}, headers={"authorization": "Bearer sk-right"}
    ).text
    lines = [event.split("\n") for event in told.strip().split("\n\n")]
    assert len(lines) > 5
    for name, data in lines:
        assert name.removeprefix("event: ") == json.loads(data.removeprefix("data: "))["type"]
