"""Whether an answer keeps the shape that was asked for: a JSON schema, any JSON, or a valid tool call."""

import json
from collections.abc import Sequence
from functools import lru_cache

import jsonschema
import orjson
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from luthier.domain.calls import ToolSpec, parse_call
from luthier.domain.value import Json
from luthier.gateway.faults import HttpFault

MAX_SCHEMA_BYTES = 100_000
MAX_ANSWER_CHARACTERS = 1_000_000
JsonObject = dict[str, Json]


def check_format(response_format: JsonObject | None) -> bytes | None:
    """The schema that answers must keep, `b"{}"` for any object, None for text; HttpFault 400 for what is no format."""
    if response_format is None or response_format.get("type") == "text":
        return None
    if response_format.get("type") == "json_object":
        return b'{"type":"object"}'
    inner = response_format.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if response_format.get("type") != "json_schema" or not isinstance(schema, dict):
        raise HttpFault(400, "`response_format` is none of OpenAI's", code="invalid_value", param="response_format")
    canonical = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)
    if len(canonical) > MAX_SCHEMA_BYTES:
        raise HttpFault(400, "the schema is too large", code="invalid_value", param="response_format")
    try:
        validator_of(canonical)
    except (SchemaError, RecursionError):
        raise HttpFault(400, "the schema is no JSON Schema", code="invalid_value", param="response_format") from None
    return canonical


@lru_cache(maxsize=64)
def validator_of(schema: bytes) -> jsonschema.Draft202012Validator:
    """The validator of a canonical schema; it fetches nothing, so a reference outwards never resolves."""
    parsed = json.loads(schema)
    jsonschema.Draft202012Validator.check_schema(parsed)
    return jsonschema.Draft202012Validator(parsed, registry=Registry())


def fault_of(answer: str | None, schema: bytes | None, tools: Sequence[ToolSpec]) -> str | None:
    """What is wrong with the shape of an answer, in words that a model can act on; None where nothing is."""
    if schema is None:
        return parse_call(answer, tools).fault if tools else None
    if answer is None or len(answer) > MAX_ANSWER_CHARACTERS:
        return "there is no answer"
    try:
        value = json.loads(answer)
        found = next(validator_of(schema).iter_errors(value), None)
    except (ValueError, RecursionError):
        return "it is not JSON"
    except Unresolvable:
        return "the schema refers to what is not inside it"
    if found is None:
        return None
    where = "/".join(map(str, found.absolute_path)) or "the top"
    return f"at {where} it breaks the rule {found.validator!r}"
