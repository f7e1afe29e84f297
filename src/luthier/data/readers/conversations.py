"""Chat messages as every provider writes them, as pairs of role and text."""

from collections.abc import Mapping

import orjson

from luthier.data.readers.json_records import json_text
from luthier.data.readers.parts import Malformed, Object
from luthier.domain.value import Json

ROLES: Mapping[str, str] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    "function": "tool",
}  # fmt: skip
Turn = tuple[str, str]


def conversation(turns: Json, roles: Mapping[str, str] = ROLES) -> list[Turn]:
    """The turns of an OpenAI conversation; one that speaks and calls tools is two, and the calls come last.

    Where answers carry `weight`, the conversation ends with the last one whose weight is not 0.
    """
    if type(turns) is not list:
        raise Malformed("`messages` is no list")
    told: list[Turn] = []
    end: int | None = None
    for turn in turns:
        if type(turn) is not dict:
            raise Malformed("a message is no object")
        role = turn.get("role")
        if type(role) is not str or role not in roles:
            raise Malformed(f"a message has none of the roles {sorted(roles)}")
        content = turn.get("content")
        calls = turn.get("tool_calls") or turn.get("function_call")
        if type(content) is str and not calls:
            told.append((roles[role], content))
        else:
            told += _spoken_and_called(roles[role], turn, calls)
        if "weight" in turn:
            end = len(told) if turn["weight"] else end or 0
    if end == 0:
        raise Malformed("every answer has the weight 0")
    return told if end is None else told[:end]


def text_of(value: Json) -> str:
    """A text, or the texts of a list of content parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text_of_part(part) for part in value)
    raise Malformed("a text is missing or no string")


def side(value: Json, role: str) -> list[Turn]:
    """One side of a pair: a text by `role`, a message, or messages; tables keep the latter two as JSON text."""
    if isinstance(value, str):
        told = parsed(value)
        if not _is_message(told[0] if isinstance(told, list) and told else told):
            return [(role, value)]
        value = told
    return conversation([value] if isinstance(value, dict) else value)


def answer_text(value: Json) -> str:
    """What an answer says: a text, or the last turn of a message or of messages."""
    turns = side(value, "assistant")
    if not turns or turns[-1][0] != "assistant":
        raise Malformed("an answer does not end with the assistant")
    return turns[-1][1]


def needed(row: Object, key: str) -> Json:
    """The value of a key that must be there."""
    if key not in row:
        raise Malformed(f"`{key}` is missing")
    return row[key]


def tags_of(row: Object, taken: frozenset[str]) -> Object:
    """What `metadata` says, and the other keys of the row; the row's own go first."""
    metadata = row.get("metadata")
    if not metadata:
        return {key: value for key, value in row.items() if key not in taken and key != "metadata"}
    told = parsed(metadata)
    if not isinstance(told, dict):
        raise Malformed("`metadata` is no object")
    return told | {key: value for key, value in row.items() if key not in taken and key != "metadata"}


def tools_of(row: Object) -> str | None:
    """The tools that the row offers, or the schema that its answer must have, as canonical JSON."""
    tools = parsed(row.get("tools") or row.get("functions"))
    if tools:
        if not isinstance(tools, list):
            raise Malformed("`tools` is no list")
        return json_text(tools)
    wanted = parsed(row.get("response_format"))
    if isinstance(wanted, dict) and isinstance(wanted.get("json_schema"), dict):
        return json_text({"json_schema": wanted["json_schema"]})
    return None


def parsed(value: Json) -> Json:
    """`value`, or what it means where a table or a database keeps it as JSON text."""
    if not isinstance(value, str) or value[:1] not in {"{", "["}:
        return value
    try:
        found: Json = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return found


def _is_message(value: Json) -> bool:
    return isinstance(value, dict) and "role" in value and ("content" in value or "tool_calls" in value)


def _spoken_and_called(role: str, turn: Object, calls: Json) -> list[Turn]:
    content = turn.get("content") or turn.get("refusal")
    spoken = [(role, text_of(content))] if content or not calls else []
    return [*spoken, (role, calls_text(calls))] if calls else spoken


def calls_text(calls: Json) -> str:
    """OpenAI tool calls as one `{"name", "arguments"}`, or a list of them where there are several."""
    plain = [_call(call) for call in ([calls] if isinstance(calls, dict) else _listed(calls))]
    return json_text(plain[0] if len(plain) == 1 else [*plain])


def _listed(calls: Json) -> list[Json]:
    if not isinstance(calls, list):
        raise Malformed("`tool_calls` is no list")
    return calls


def _call(call: Json) -> Object:
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not {"name", "arguments"} <= function.keys():
        raise Malformed("a tool call has no `function` with `name` and `arguments`")
    arguments = function["arguments"]
    try:
        told = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    except orjson.JSONDecodeError:
        raise Malformed("the `arguments` of a tool call are no JSON") from None
    return {"name": function["name"], "arguments": told}


def _text_of_part(part: Json) -> str:
    text = part.get("text") if isinstance(part, dict) else None
    if not isinstance(text, str):
        raise Malformed("a content part holds no text")
    return text
