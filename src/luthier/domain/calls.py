"""Tool calls as text: `{"name": ..., "arguments": {...}}`, parsed, validated, and compared."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal

import jsonschema
from pydantic import Field

from luthier.domain.value import Json, Value

CallFault = Literal["no_answer", "not_json", "wrong_shape", "unknown_tool", "bad_arguments"]
MAX_CALL_CHARACTERS = 100_000


class Call(Value):
    """One tool call: which tool, with which arguments."""

    name: str
    arguments: Mapping[str, Json]


class ToolSpec(Value):
    """One tool a model may call, in OpenAI's shape without the envelope."""

    name: str = Field(min_length=1)
    description: str = ""
    parameters: Mapping[str, Json] = Field(description="JSON Schema of the arguments object.")

    @cached_property
    def _validator(self) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator(dict(self.parameters))

    def accepts(self, arguments: Mapping[str, Json]) -> bool:
        """Whether the arguments satisfy the schema."""
        return bool(self._validator.is_valid(dict(arguments)))


class ParsedCall(Value):
    """What a text turned out to be: a valid call, or the first reason why it is none."""

    call: Call | None
    fault: CallFault | None


def parse_call(text: str | None, tools: Sequence[ToolSpec]) -> ParsedCall:
    """The call that `text` is, checked against the tools; the whole text must be the call."""
    if text is None or not text.strip():
        return ParsedCall(call=None, fault="no_answer")
    value = _json_or_none(text)
    if value is None:
        return ParsedCall(call=None, fault="not_json")
    if not isinstance(value, dict) or set(value) != {"name", "arguments"} or not isinstance(value["arguments"], dict):
        return ParsedCall(call=None, fault="wrong_shape")
    tool = next((tool for tool in tools if tool.name == value["name"]), None)
    if tool is None:
        return ParsedCall(call=None, fault="unknown_tool")
    call = Call(name=tool.name, arguments=value["arguments"])
    return ParsedCall(call=call, fault=None if tool.accepts(call.arguments) else "bad_arguments")


def canonical_call(text: str | None) -> str | None:
    """The JSON of `text` with sorted keys and folded spacing, or None where it is not JSON."""
    value = _json_or_none(text) if text else None
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _json_or_none(text: str) -> Json:
    if len(text) > MAX_CALL_CHARACTERS:
        return None
    try:
        value: Json = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
