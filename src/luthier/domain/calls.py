"""Tool calls as text: `{"name": ..., "arguments": {...}}`, parsed, validated, and compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal

import jsonschema
from jsonschema.exceptions import SchemaError
from pydantic import Field, field_validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, Schema

from luthier.domain.digests import canonical_json
from luthier.domain.value import Json, Value

CallFault = Literal["no_answer", "not_json", "wrong_shape", "unknown_tool", "bad_arguments"]
MAX_CALL_CHARACTERS = 100_000
MAX_CALL_DEPTH = 64


class Call(Value):
    """One tool call: which tool, with which arguments."""

    name: str
    arguments: Mapping[str, Json]


class ToolSpec(Value):
    """One tool a model may call, in OpenAI's shape without the envelope."""

    name: str = Field(min_length=1)
    description: str = ""
    parameters: Mapping[str, Json] = Field(description="JSON Schema of the arguments object.")

    @field_validator("parameters")
    @classmethod
    def _parameters_are_a_schema(cls, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        validator = jsonschema.Draft202012Validator
        try:
            validator.check_schema(dict(parameters), format_checker=validator.FORMAT_CHECKER)
        except SchemaError as fault:
            raise ValueError(f"`parameters` is no JSON Schema: {fault.message}") from fault
        inside = Registry[Schema]().with_resource("", DRAFT202012.create_resource(dict(parameters))).resolver()
        for reference in _references_of(dict(parameters)):
            try:
                inside.lookup(reference)
            except Unresolvable as fault:
                raise ValueError(f"`parameters` refers to {reference!r}, which is not inside it") from fault
        return parameters

    @cached_property
    def _validator(self) -> jsonschema.Draft202012Validator:
        # a registry of nothing: no schema makes this process fetch an address
        return jsonschema.Draft202012Validator(dict(self.parameters), registry=Registry())

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
    """The JSON that others can read too: no repeated keys, no infinity, no half characters, no bottomless nesting."""
    if len(text) > MAX_CALL_CHARACTERS:
        return None
    try:
        value: Json = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object_of)
        canonical_json(value)
    except (ValueError, RecursionError):
        return None
    return value if _is_within(value, MAX_CALL_DEPTH) else None


def _is_within(value: Json, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_is_within(inner, depth - 1) for inner in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_is_within(inner, depth - 1) for inner in value)
    return True


def _references_of(schema: Json) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference
        for inner in schema.values():
            yield from _references_of(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _references_of(inner)


def _object_of(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key appears twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
