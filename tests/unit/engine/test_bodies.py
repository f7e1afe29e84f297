"""What may be asked over HTTP, and how a refusal reads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.answers import Answer
from luthier.domain.variants import Decoding
from luthier.engine.bodies import ChatBody, CompletionBody, parse_body
from luthier.engine.faults import BadParameter, error_of
from luthier.engine.replies import Style
from luthier.errors import Busy
from luthier.variants.engines.base import Piece

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def chat(**change: object) -> ChatBody:
    return parse_body(ChatBody, json.dumps({**CHAT, **change}).encode())


def test_openais_defaults_hold_where_nothing_is_said() -> None:
    asked = chat().requests(None, drawn_seed=9, context_tokens=50)
    assert [each.decoding for each in asked] == [Decoding(max_tokens=50, temperature=1.0, seed=9)]
    body = parse_body(CompletionBody, b'{"model": "m", "prompt": ["a", "b"], "n": 2, "seed": 3}')
    made = body.requests("x", drawn_seed=9, context_tokens=50)
    assert [(each.text, each.adapter, each.decoding.seed) for each in made] == [
        ("a", "x", 3), ("a", "x", 4), ("b", "x", 3), ("b", "x", 4),
    ]  # fmt: skip
    assert {each.decoding.max_tokens for each in made} == {16}


def test_parts_of_text_join_and_developer_is_system() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = chat(messages=[{"role": "developer", "content": parts}, {"role": "user", "content": "c"}])
    messages = body.requests(None, drawn_seed=0, context_tokens=9)[0].messages
    assert [(each.role, each.content) for each in messages] == [("system", "ab"), ("user", "c")]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, None),
        ({"logit_bias": {}}, "logit_bias"),
        ({"n": 0}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"stop": ["x"] * 17}, "stop"),
    ],
)
def test_what_would_change_answers_and_is_not_served_is_refused(change: dict[str, object], param: str | None) -> None:
    with pytest.raises(BadParameter) as fault:
        chat(**change)
    assert param is None or fault.value.param == param


def test_neutral_values_of_what_is_not_served_pass() -> None:
    assert chat(top_p=1, frequency_penalty=0, presence_penalty=0, response_format={"type": "text"}, user="u").n is None


def test_a_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(BadParameter) as fault:
        chat(temperature="my secret")
    assert "my secret" not in json.dumps(error_of(fault.value))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_body_or_refused(raw: bytes) -> None:
    with pytest.raises(BadParameter):
        parse_body(ChatBody, raw)


def test_a_deeply_nested_body_is_refused() -> None:
    with pytest.raises(BadParameter):
        parse_body(ChatBody, b"[" * 100_000)


def test_a_prompt_counts_once_however_many_choices_it_has() -> None:
    pieces = [Piece(i, answer=Answer(text="a", prompt_tokens=10, completion_tokens=2)) for i in range(6)]
    style = Style(id="x", model="m", created=0, is_chat=False, choices_per_prompt=3)
    assert style.usage(pieces) == {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32}


def test_errors_are_of_the_kind_their_status_says() -> None:
    assert error_of(Busy("in use")) == {
        "message": "in use", "type": "invalid_request_error", "param": None, "code": "busy",
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw", [b'{"model": "m", "model": "m", "prompt": "x"}', b'{"model": "m", "prompt": "\\ud800"}']
)
def test_a_name_that_stands_twice_and_half_a_character_are_refused(raw: bytes) -> None:
    with pytest.raises(BadParameter, match="not JSON"):
        parse_body(CompletionBody, raw)
