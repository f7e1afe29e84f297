"""Readers turn a file of some known format into records; whatever is wrong with it is told at once, by line."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import orjson

from luthier.domain.digests import canonical_json
from luthier.domain.examples import Message, Role
from luthier.domain.value import Json, Value
from luthier.errors import Faults
from luthier.registry import Registry

MAX_LINE_BYTES = 4_000_000
"""Longer lines are no chat; they would only fill the memory."""

_ROLES: Mapping[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    "function": "tool",
}  # fmt: skip


class Record(Value):
    """One row of a file: the conversation, and everything else that the row says."""

    line: int
    messages: tuple[Message, ...]
    tags: Mapping[str, Json]


class Fault(Value):
    """What is wrong with one line, without quoting it."""

    line: int
    what: str


Reader = Callable[[bytes], Iterator[Record | Fault]]
readers: Registry[Reader] = Registry("reader")
Object = dict[str, Json]


class _Malformed(Exception):
    """Why one row cannot be read."""


def reader_for(name: str, path: str, content: bytes) -> tuple[str, Reader]:
    """The reader called `name`, or for `auto` the one that the first row asks for."""
    chosen = _recognise(path, content) if name == "auto" else name
    return chosen, readers.get(chosen)


def _recognise(path: str, content: bytes) -> str:
    first = next((line for line in content.splitlines() if line.strip()), b"").removeprefix(b"\xef\xbb\xbf")
    try:
        keys = set(orjson.loads(first))
    except (orjson.JSONDecodeError, TypeError):
        header = {cell.strip().strip('"').lower() for cell in first.decode("utf-8", "replace").split(",")}
        keys = {"csv"} if {"prompt", "completion"} <= header else set()
    shapes = {"chat": {"messages"}, "prompt_completion": {"prompt", "completion"}, "csv": {"csv"}}
    for name, needed in (shapes | {"alpaca": {"instruction", "output"}}).items():
        if needed <= keys:
            return name
    known = [name for name in readers.names() if name != "csv"]
    hint = f"name its `format`: one of {readers.names()}; JSON lines are recognised by the keys of {known}"
    raise Faults(path, [f"{path}:1: the format cannot be recognised"], hint=hint)


@readers.add("chat")
def chat(content: bytes) -> Iterator[Record | Fault]:
    """OpenAI chat JSONL: `messages`, and beside them `metadata` or plain keys as tags; tool calls become text."""
    return _rows(content, lambda row: _messages(_needed(row, "messages")), {"messages", "tools"})


@readers.add("prompt_completion")
def prompt_completion(content: bytes) -> Iterator[Record | Fault]:
    """JSONL with `prompt` and `completion`, each a text or a list of messages."""

    def converse(row: Object) -> tuple[Message, ...]:
        return (*_side(_needed(row, "prompt"), "user"), *_side(_needed(row, "completion"), "assistant"))

    return _rows(content, converse, {"prompt", "completion"})


@readers.add("alpaca")
def alpaca(content: bytes) -> Iterator[Record | Fault]:
    """JSONL with `instruction`, an optional `input`, and `output`."""

    def converse(row: Object) -> tuple[Message, ...]:
        parts = [_text(_needed(row, "instruction")), _text(row.get("input") or "")]
        answer = _text(_needed(row, "output"))
        return _turns("\n\n".join(part for part in parts if part), answer)

    return _rows(content, converse, {"instruction", "input", "output"})


@readers.add("csv")
def comma_separated(content: bytes) -> Iterator[Record | Fault]:
    """CSV with a header; columns `prompt` and `completion`, every other column is a tag."""
    text = content.decode("utf-8-sig", "replace")
    csv.field_size_limit(MAX_LINE_BYTES)
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [cell.strip() for cell in next(table, [])]
        if not {"prompt", "completion"} <= set(head):
            yield Fault(line=1, what="the header names no `prompt` and `completion`")
            return
        for cells in table:
            if cells:
                yield _csv_row(table.line_num, head, cells)
    except csv.Error as fault:
        yield Fault(line=table.line_num, what=f"no CSV: {fault}")


def _csv_row(line: int, head: list[str], cells: list[str]) -> Record | Fault:
    if len(cells) != len(head):
        return Fault(line=line, what=f"{len(cells)} cells where the header names {len(head)}")
    row = dict(zip(head, cells, strict=True))
    if any("\ufffd" in cell for cell in cells):
        return Fault(line=line, what="not UTF-8")
    tags = {name: cell for name, cell in row.items() if name not in {"prompt", "completion"} and cell}
    return Record(line=line, messages=_turns(row["prompt"], row["completion"]), tags=tags)


def _rows(
    content: bytes, converse: Callable[[Object], tuple[Message, ...]], taken: set[str]
) -> Iterator[Record | Fault]:
    """A record or a fault per line of JSON; blank lines are nothing."""
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _object(line)
            yield Record(line=number, messages=converse(row), tags=_tags(row, taken))
        except _Malformed as fault:
            yield Fault(line=number, what=str(fault))


def _object(line: bytes) -> Object:
    if len(line) > MAX_LINE_BYTES:
        raise _Malformed(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as fault:
        what = "not UTF-8" if not _is_utf8(line) else f"no JSON at character {fault.colno}: {fault.msg.split(': ')[0]}"
        raise _Malformed(what) from None
    if not isinstance(row, dict):
        raise _Malformed(f"a JSON {type(row).__name__} where an object belongs")
    return row


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _tags(row: Object, taken: set[str]) -> dict[str, Json]:
    """What `metadata` says, and the other keys of the row; the row's own go first."""
    metadata = row.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise _Malformed("`metadata` is no object")
    return metadata | {key: value for key, value in row.items() if key not in taken | {"metadata"}}


def _needed(row: Object, key: str) -> Json:
    if key not in row:
        raise _Malformed(f"`{key}` is missing")
    return row[key]


def _side(value: Json, role: Role) -> tuple[Message, ...]:
    return (Message(role=role, content=value),) if isinstance(value, str) else _messages(value)


def _turns(asked: str, ideal: str) -> tuple[Message, ...]:
    return Message(role="user", content=asked), Message(role="assistant", content=ideal)


def _messages(value: Json) -> tuple[Message, ...]:
    if not isinstance(value, list):
        raise _Malformed("`messages` is no list")
    return tuple(_message(turn) for turn in value)


def _message(turn: Json) -> Message:
    if not isinstance(turn, dict):
        raise _Malformed("a message is no object")
    role = turn.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise _Malformed(f"a message has none of the roles {sorted(_ROLES)}")
    calls = turn.get("tool_calls")
    content = _calls(calls) if calls and not turn.get("content") else _text(turn.get("content"))
    return Message(role=_ROLES[role], content=content)


def _text(value: Json) -> str:
    """A text, or the texts of a list of content parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(p, dict) and isinstance(p.get("text"), str) for p in value):
        return "".join(cast("str", part["text"]) for part in value if isinstance(part, dict))
    raise _Malformed("a text is missing or no string")


def _calls(calls: Json) -> str:
    """OpenAI tool calls as one `{"name", "arguments"}`, or a list of them where there are several."""
    if not isinstance(calls, list):
        raise _Malformed("`tool_calls` is no list")
    plain = [_call(call) for call in calls]
    return canonical_json(plain[0] if len(plain) == 1 else plain).decode()


def _call(call: Json) -> Object:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not {"name", "arguments"} <= function.keys():
        raise _Malformed("a tool call has no `function` with `name` and `arguments`")
    arguments = function["arguments"]
    try:
        told = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    except orjson.JSONDecodeError:
        raise _Malformed("the `arguments` of a tool call are no JSON") from None
    return {"name": function["name"], "arguments": told}
