"""Answers that must be calls or JSON, held against the tools or the schema that their row carries."""

from collections.abc import Sequence
from functools import lru_cache

import orjson
from pydantic import ValidationError

from luthier.domain.calls import ToolSpec, parse_call
from luthier.domain.value import Json

_ANSWER = "answer"


def why_target_fails(answer: str, tools: str) -> str | None:
    """Why an answer breaks what its row offers; None where it keeps to it, or is prose beside tools.

    Args:
        answer: The ideal answer: prose, one call, or a list of calls.
        tools: JSON of the tools offered, or `{"json_schema": ...}` where the answer must be JSON of that schema.

    """
    specs = _specs(tools)
    if specs is None:
        return "bad_tools"
    if tools.startswith('{"json_schema"'):
        fault = _fault(f'{{"name":"{_ANSWER}","arguments":{answer}}}', specs)
        return {"bad_arguments": "breaks_schema"}.get(fault or "", fault)
    told = _json(answer)
    calls = told if isinstance(told, list) else [told]
    if told is None or not all(isinstance(call, dict) and "name" in call and "arguments" in call for call in calls):
        return None
    return next((fault for call in calls if (fault := _fault(orjson.dumps(call).decode(), specs)) is not None), None)


@lru_cache(maxsize=256)
def _specs(tools: str) -> Sequence[ToolSpec] | None:
    """The tools, in any provider's envelope; None where they are no tools."""
    told = _json(tools)
    if isinstance(told, dict):
        schema = told.get("json_schema")
        inner = schema.get("schema", schema) if isinstance(schema, dict) else None
        told = [{"name": _ANSWER, "parameters": inner}]
    try:
        return [_spec(tool) for tool in told] if isinstance(told, list) else None
    except (ValidationError, RecursionError):
        return None


def _spec(tool: Json) -> ToolSpec:
    function = tool.get("function", tool) if isinstance(tool, dict) else {}
    told = function if isinstance(function, dict) else {}
    schema = told.get("parameters") or told.get("input_schema") or {"type": "object"}
    return ToolSpec.model_validate({"name": told.get("name"), "parameters": _without_patterns(schema)})


def _without_patterns(schema: Json) -> Json:
    """The schema without regular expressions: they came with the data, and some take for ever."""
    if isinstance(schema, dict):
        return {
            key: _without_patterns(value)
            for key, value in schema.items()
            if key != "patternProperties" and not (key == "pattern" and isinstance(value, str))
        }
    return [_without_patterns(value) for value in schema] if isinstance(schema, list) else schema


def _fault(call: str, specs: Sequence[ToolSpec]) -> str | None:
    try:
        return parse_call(call, specs).fault
    except RecursionError:  # a schema that refers to itself without end
        return "bad_tools"


def _json(text: str) -> Json:
    if text[:1] not in {"{", "["}:
        return None
    try:
        told: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return told
