"""What an application may ask, read strictly: a parameter that would be ignored is refused."""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from luthier.domain.examples import Message, Role
from luthier.domain.interactions import FeedbackKind
from luthier.domain.value import Json
from luthier.domain.variants import Decoding
from luthier.gateway.faults import HttpFault

MOST_CHOICES = 16
Body = TypeVar("Body", bound=BaseModel)
JsonObject = dict[str, Json]


class Strict(BaseModel):
    """The base of every body: what is not listed is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class StreamOptions(Strict):
    """Whether the last chunk of a stream tells the tokens used."""

    include_usage: bool = False


class TextPart(Strict):
    """A part of a message that is text."""

    type: Literal["text"]
    text: str


class ChatMessage(Strict):
    """One turn as OpenAI's clients write it."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | tuple[TextPart, ...] | None = None
    name: str | None = Field(default=None, max_length=64)
    tool_calls: tuple[JsonObject, ...] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        """What is said, whichever way it was written."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or ())

    @property
    def plain(self) -> Message:
        """The turn as prompts are rendered from it; `developer` is what newer clients call `system`."""
        role: Role = "system" if self.role == "developer" else self.role
        return Message(role=role, content=self.text)

    def extras(self) -> dict[str, object]:
        """What stands beside role and content."""
        return self.model_dump(exclude={"role", "content"}, exclude_none=True)


class Drawn(Strict):
    """What chat and plain completions have in common."""

    model: str = Field(max_length=200)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: str | Annotated[tuple[str, ...], Field(max_length=16)] | None = None
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    user: str | None = Field(default=None, max_length=512)

    @property
    def most_tokens(self) -> int | None:
        """The most tokens that the client wants."""
        return self.max_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the tokens it took."""
        return self.stream_options is not None and self.stream_options.include_usage

    def decoded(self, released: Decoding) -> dict[str, object]:
        """The release's decoding, narrowed by what the request asks; never more tokens than released."""
        stop = released.stop if self.stop is None else ((self.stop,) if isinstance(self.stop, str) else self.stop)
        found: dict[str, object] = {
            "max_tokens": min(self.most_tokens or released.max_tokens, released.max_tokens),
            "temperature": released.temperature if self.temperature is None else self.temperature,
            "seed": released.seed if self.seed is None else self.seed,
        }
        if stop:
            found["stop"] = stop
        for name in self.model_fields_set & _PASSED_ON:
            if (value := getattr(self, name)) is not None:
                found[name] = value
        return found


class ChatRequest(Drawn):
    """The body of `POST /v1/chat/completions`; every other key of OpenAI's is refused by name."""

    messages: tuple[ChatMessage, ...] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    response_format: JsonObject | None = None
    tools: tuple[JsonObject, ...] | None = Field(default=None, max_length=128)
    tool_choice: str | JsonObject | None = None
    parallel_tool_calls: bool | None = None

    @property
    def most_tokens(self) -> int | None:
        """The most tokens that the client wants, under its new name or its old one."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def asked(self) -> str:
        """The last thing the user said."""
        return next(message.text for message in reversed(self.messages) if message.role == "user")


class CompletionRequest(Drawn):
    """The body of `POST /v1/completions`: the text goes to the release's model as it is, without its prompt."""

    prompt: str | Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    logprobs: int | None = Field(default=None, ge=0, le=5)
    echo: bool | None = None
    suffix: str | None = None
    best_of: int | None = Field(default=None, ge=1, le=MOST_CHOICES)

    @property
    def asked(self) -> str:
        """The text to go on from."""
        return self.prompt if isinstance(self.prompt, str) else "\n".join(self.prompt)


class EmbeddingsRequest(Strict):
    """The body of `POST /v1/embeddings`."""

    model: str = Field(max_length=200)
    input: str | Annotated[tuple[str, ...], Field(min_length=1, max_length=2_048)]
    dimensions: int | None = Field(default=None, ge=1, le=65_536)
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = Field(default=None, max_length=512)


class FeedbackRequest(Strict):
    """The body of `POST /v1/feedback`."""

    response_id: str = Field(max_length=200)
    kind: FeedbackKind
    value: Json

    @field_validator("value")
    @classmethod
    def _says_what_its_kind_says(cls, value: Json, info: ValidationInfo) -> Json:
        kind = str(info.data.get("kind"))
        if kind in _FEEDBACK and not _FEEDBACK[kind](value):
            raise ValueError(f"feedback of kind {kind!r} takes {_TAKES[kind]}")
        return value


_TAKES: Mapping[str, str] = {
    "solved": "true or false", "escalation": "true or false", "thumb": "true, false, 'up' or 'down'",
    "score": "a finite number", "edit": "the better answer as a text",
}  # fmt: skip
_FEEDBACK: Mapping[str, Callable[[Json], bool]] = {
    "solved": lambda value: isinstance(value, bool),
    "escalation": lambda value: isinstance(value, bool),
    "thumb": lambda value: isinstance(value, bool) or value in ("up", "down"),
    "score": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
    "edit": lambda value: isinstance(value, str) and bool(value.strip()),
}
"""Kind -> whether a value can be taken; a word where a truth is asked for would count as true."""


_PASSED_ON = frozenset(
    {
        "top_p", "n", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "response_format", "tools",
        "tool_choice", "parallel_tool_calls", "echo", "suffix", "best_of",
    }
)  # fmt: skip


def read_chat(body: bytes, *, max_messages: int) -> ChatRequest:
    """The request that `body` holds, or the 400 that says what is wrong with it."""
    return accepted(read(ChatRequest, body), max_messages=max_messages)


def accepted(request: ChatRequest, *, max_messages: int, told_in: str = "messages") -> ChatRequest:
    """The same request; 400 where it has too many turns, or none of a user."""
    if len(request.messages) > max_messages:
        raise HttpFault(400, f"at most {max_messages} messages are accepted", code="too_many_messages", param=told_in)
    if not any(message.role == "user" for message in request.messages):
        raise HttpFault(400, "no message has the role 'user'", code="invalid_value", param=told_in)
    return request


def unsupported(message: str) -> PydanticCustomError:
    """What a validator raises for a value that OpenAI knows and nothing here can honour."""
    return PydanticCustomError("unsupported", "{message}", {"message": message})


def read(model: type[Body], body: bytes) -> Body:
    """The value that `body` holds, or the 400 that says what is wrong with it."""
    try:
        return model.model_validate_json(body)
    except ValidationError as fault:
        raise _refusal(fault) from None


def _refusal(fault: ValidationError) -> HttpFault:
    """One sentence about the gravest fault: what is not supported before what is ill-formed."""
    faults = fault.errors(include_input=False, include_url=False)
    first = min(faults, key=lambda each: _GRAVEST.get(each["type"], len(_GRAVEST)))
    if first["type"] == "json_invalid":
        return HttpFault(400, "the body is not JSON", code="invalid_json")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unsupported":
        return HttpFault(400, first["msg"], code="unsupported_parameter", param=where)
    if first["type"] == "extra_forbidden":
        text = f"parameter {where!r} is not supported here"
        return HttpFault(400, text, code="unsupported_parameter", param=where)
    return HttpFault(400, f"{where}: {first['msg']}", code="invalid_value", param=where)


_GRAVEST = {"unsupported": 0, "extra_forbidden": 1}
