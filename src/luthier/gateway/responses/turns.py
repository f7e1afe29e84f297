"""A request of the Responses API as the chat request that asks the same."""

from luthier.domain.value import Json
from luthier.gateway.faults import HttpFault
from luthier.gateway.requests import ChatMessage, ChatRequest, accepted, read
from luthier.gateway.responses.requests import (
    CallItem,
    CallOutputItem,
    FunctionTool,
    Item,
    JsonObject,
    Part,
    PlainFormat,
    ResponsesRequest,
    SchemaFormat,
    TextOptions,
    TextPart,
)


def read_response(body: bytes, *, max_messages: int) -> tuple[ResponsesRequest, ChatRequest]:
    """The request that `body` holds with what it comes to as a chat, or the 400 that says what is wrong with it."""
    request = read(ResponsesRequest, body)
    return request, accepted(as_chat(request), max_messages=max_messages, told_in="input")


def as_chat(request: ResponsesRequest) -> ChatRequest:
    """The chat request that asks the same; what was not given stays not given."""
    found: dict[str, object] = {
        "model": request.model,
        "messages": turns_of(request),
        "stream": bool(request.stream),
        "max_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "user": request.user,
        "response_format": _format(request.text),
        "tools": [_tool(tool) for tool in request.tools] if request.tools else None,
        "tool_choice": _choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls,
    }
    return ChatRequest.model_validate({name: value for name, value in found.items() if value is not None})


def turns_of(request: ResponsesRequest) -> tuple[ChatMessage, ...]:
    """The conversation: instructions first; calls belong to the assistant's turn before them."""
    turns: list[dict[str, object]] = []
    if request.instructions is not None:
        turns.append({"role": "system", "content": request.instructions})
    for item in request.input:
        _add(turns, item)
    return tuple(ChatMessage.model_validate(turn) for turn in turns)


def _add(turns: list[dict[str, object]], item: Item) -> None:
    if isinstance(item, CallOutputItem):
        turns.append({"role": "tool", "content": _text(item.output), "tool_call_id": item.call_id})
    elif isinstance(item, CallItem):
        last = turns[-1] if turns else {}
        if last.get("role") != "assistant":
            last = {"role": "assistant", "content": None}
            turns.append(last)
        called = {"name": item.name, "arguments": item.arguments}
        calls = last.setdefault("tool_calls", [])
        if isinstance(calls, list):
            calls.append({"id": item.call_id, "type": "function", "function": called})
    else:
        turns.append({"role": item.role, "content": _text(item.content)})


def _text(parts: tuple[Part, ...]) -> str:
    return "".join(part.text if isinstance(part, TextPart) else part.refusal for part in parts)


def _format(options: TextOptions | None) -> JsonObject | None:
    chosen = options.format if options else None
    if isinstance(chosen, SchemaFormat):
        schema = chosen.model_dump(by_alias=True, exclude={"type"}, exclude_none=True)
        return {"type": "json_schema", "json_schema": schema}
    return {"type": chosen.type} if isinstance(chosen, PlainFormat) and chosen.type != "text" else None


def _tool(tool: FunctionTool) -> JsonObject:
    return {"type": "function", "function": tool.model_dump(exclude={"type"}, exclude_none=True)}


def _choice(choice: str | JsonObject | None) -> Json:
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") != "function" or set(choice) != {"type", "name"}:
        text = f"a choice of type {str(choice.get('type'))[:64]!r} is not supported here, only of one function by name"
        raise HttpFault(400, text, code="unsupported_parameter", param="tool_choice")
    return {"type": "function", "function": {"name": choice["name"]}}
