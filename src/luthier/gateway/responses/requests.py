"""The body of `POST /v1/responses`, read strictly: what cannot be honoured is refused by name."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from luthier.domain.value import Json
from luthier.gateway.requests import Strict, unsupported

JsonObject = dict[str, Json]
ItemState = Literal["in_progress", "completed", "incomplete"]
_WHY = {
    "previous_response_id": "answers are not kept as conversations, so send the earlier turns in 'input'",
    "conversation": "answers are not kept as conversations, so send the earlier turns in 'input'",
    "prompt": "the release holds the prompt, so send text in 'instructions' or 'input'",
    "store": "no response can be fetched later, and the project decides what is kept, so leave it out",
    "background": "an answer is given at once or streamed, so leave it out",
    "truncation": "a conversation that is too long is refused, so leave it out",
}
_HARMLESS: dict[str, tuple[object, ...]] = {"background": (False,), "truncation": ("disabled",)}


def _refuse(value: object, info: ValidationInfo) -> object:
    name = info.field_name or ""
    if value is None or value in _HARMLESS.get(name, ()):
        return value
    raise unsupported(f"parameter {name!r} is not supported here: {_WHY[name]}")


def _only(what: str, *known: str) -> BeforeValidator:
    """Refuses by its name whatever is of another type; what tells no type is of the first."""

    def checked(given: object) -> object:
        if not isinstance(given, dict):
            return given
        kind = given.get("type", known[0])
        if kind not in known:
            raise unsupported(f"{what} of type {str(kind)[:64]!r} are not supported here, only {', '.join(known)}")
        return given | {"type": kind}

    return BeforeValidator(checked)


Refused = Annotated[object, BeforeValidator(_refuse)]


class TextPart(Strict):
    """A part that is text, of a question or of an earlier answer; what stands beside an answer's text says nothing."""

    type: Literal["input_text", "output_text", "text"]
    text: str
    annotations: tuple[JsonObject, ...] | None = None
    logprobs: tuple[JsonObject, ...] | None = None


class RefusalPart(Strict):
    """A part of an earlier answer in which the model declines."""

    type: Literal["refusal"]
    refusal: str


def _as_parts(content: object) -> object:
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


Part = Annotated[
    TextPart | RefusalPart,
    Field(discriminator="type"),
    _only("parts", "input_text", "output_text", "text", "refusal"),
]
Parts = Annotated[tuple[Part, ...], BeforeValidator(_as_parts)]


class MessageItem(Strict):
    """One turn, as a client writes it or as an earlier response told it."""

    type: Literal["message"]
    role: Literal["system", "developer", "user", "assistant"]
    content: Parts
    id: str | None = None
    status: ItemState | None = None


class CallItem(Strict):
    """A function call of an earlier response."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: ItemState | None = None


class CallOutputItem(Strict):
    """What the function returned."""

    type: Literal["function_call_output"]
    call_id: str
    output: Parts
    id: str | None = None
    status: ItemState | None = None


Item = Annotated[
    MessageItem | CallItem | CallOutputItem,
    Field(discriminator="type"),
    _only("items", "message", "function_call", "function_call_output"),
]


def _as_items(given: object) -> object:
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


class FunctionTool(Strict):
    """A function that the client runs itself."""

    type: Literal["function"]
    name: str = Field(max_length=64)
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


Tool = Annotated[FunctionTool, _only("tools", "function")]


class PlainFormat(Strict):
    """Text, or any JSON object."""

    type: Literal["text", "json_object"]


class SchemaFormat(Strict):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    name: str = Field(max_length=64)
    schema_: JsonObject = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class TextOptions(Strict):
    """The shape of the answer's text."""

    format: Annotated[PlainFormat | SchemaFormat, Field(discriminator="type")] | None = None


class ResponsesRequest(Strict):
    """What a client may ask; the values that change nothing of what is left out are taken, others refused."""

    model: str = Field(max_length=200)
    input: Annotated[tuple[Item, ...], Field(min_length=1), BeforeValidator(_as_items)]
    instructions: str | None = None
    stream: bool | None = False
    max_output_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    text: TextOptions | None = None
    tools: tuple[Tool, ...] | None = Field(default=None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | JsonObject | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = Field(default=None, max_length=512)
    previous_response_id: Refused = None
    conversation: Refused = None
    prompt: Refused = None
    store: Refused = None
    background: Refused = None
    truncation: Refused = None
