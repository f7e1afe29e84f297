"""Data of tools that are closing or moving: TensorZero's datapoints and inferences, OpenAI Evals' samples."""

from collections.abc import Iterator, Sequence

from luthier.data.readers.conversations import Turn, needed, parsed, side, tags_of
from luthier.data.readers.json_records import json_text
from luthier.data.readers.parts import Draft, Malformed, NothingToLearn, Object, Origin
from luthier.domain.value import Json

_TENSORZERO = frozenset({
    "input", "output", "tool_params", "output_schema", "dispreferred_outputs", "dynamic_tool_params",
    "inference_params", "tags", "auxiliary", "staled_at", "updated_at", "source_inference_id", "is_custom",
    "is_deleted", "type",
})  # fmt: skip
_EVALS = frozenset({"input", "ideal"})


def tensorzero(row: Object, _: Origin) -> Sequence[Draft]:
    """A datapoint or a stored inference, JSON functions included; the first dispreferred output is the rejected one."""
    asked, output = parsed(needed(row, "input")), parsed(needed(row, "output"))
    if row.get("is_deleted") or row.get("staled_at") or output is None:
        raise NothingToLearn("the datapoint is deleted, stale or without an output")
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or not isinstance(messages, list):
        raise Malformed("`input` is no object with `messages`")
    system = asked.get("system")
    told: list[Turn] = [("system", _told(system))] if system else []
    for message in _objects(messages):
        told += _turns(message)
    disliked = parsed(row.get("dispreferred_outputs"))
    rejected = _answer(disliked[0]) if isinstance(disliked, list) and disliked else None
    told.append(("assistant", _answer(output)))
    tags = tags_of(row, _TENSORZERO)
    if isinstance(own := parsed(row.get("tags")), dict):
        tags = own | tags
    episode = row.get("episode_id")
    return (Draft(told, tags, _offered(row), rejected, thread=episode if isinstance(episode, str) else None),)


def openai_evals(row: Object, _: Origin) -> Sequence[Draft]:
    """A sample with `input` and `ideal`; of several ideal answers the first is taken."""
    ideal = needed(row, "ideal")
    answer = ideal[0] if isinstance(ideal, list) and ideal else ideal
    if not isinstance(answer, str):
        raise Malformed("`ideal` is neither a text nor a list of texts")
    return (Draft([*side(needed(row, "input"), "user"), ("assistant", answer)], tags_of(row, _EVALS)),)


def _turns(message: Object) -> Iterator[Turn]:
    role = message.get("role")
    if role not in {"user", "assistant"}:
        raise Malformed("a message has none of the roles ['assistant', 'user']")
    content = message.get("content")
    if isinstance(content, str):
        yield str(role), content
        return
    blocks = list(_objects(content if isinstance(content, list) else [content]))
    texts = [_told(block.get("text", block.get("arguments", block.get("value")))) for block in blocks
             if block.get("type") in {"text", "raw_text", "template"}]  # fmt: skip
    calls = [block for block in blocks if block.get("type") == "tool_call"]
    results = [block for block in blocks if block.get("type") == "tool_result"]
    if len(texts) + len(calls) + len(results) < len(blocks):
        raise Malformed("a message holds a block that is neither text, tool call nor tool result")
    yield from (("tool", _told(block.get("result"))) for block in results)
    if texts:
        yield str(role), "".join(texts)
    if calls:
        yield str(role), _calls(calls)


def _answer(output: Json) -> str:
    """The raw JSON of a JSON function, the calls where the output calls tools, else its text."""
    if isinstance(output, dict):
        raw = output.get("raw")
        return raw if isinstance(raw, str) else json_text(output.get("parsed"))
    if isinstance(output, str):
        return output
    turns = list(_turns({"role": "assistant", "content": output}))
    if not turns:
        raise Malformed("`output` is empty")
    return turns[-1][1]


def _calls(blocks: Sequence[Object]) -> str:
    calls: list[Json] = [
        {
            "name": block.get("name") or block.get("raw_name"),
            "arguments": parsed(block.get("arguments") or block.get("raw_arguments")),
        }
        for block in blocks
    ]
    return json_text(calls[0] if len(calls) == 1 else calls)


def _offered(row: Object) -> str | None:
    schema = parsed(row.get("output_schema"))
    if isinstance(schema, dict) and schema:
        return json_text({"json_schema": {"schema": schema}})
    params = parsed(row.get("tool_params"))
    tools = (
        params.get("tools_available", params.get("additional_tools"))
        if isinstance(params, dict)
        else row.get("additional_tools")
    )
    return json_text(tools) if isinstance(tools, list) and tools else None


def _objects(values: Sequence[Json]) -> Iterator[Object]:
    for value in values:
        if not isinstance(value, dict):
            raise Malformed("a message or a block of one is no object")
        yield value


def _told(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)
