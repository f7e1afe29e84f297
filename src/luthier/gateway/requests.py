"""What an application may ask, read strictly: a parameter that would be ignored is refused."""

from typing import Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from luthier.domain.examples import Message
from luthier.domain.value import Json
from luthier.domain.variants import Decoding
from luthier.gateway.faults import HttpFault

Body = TypeVar("Body", bound=BaseModel)


class StreamOptions(BaseModel):
    """Whether the last chunk of a stream tells the tokens used."""

    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`; every other key of OpenAI's is refused by name."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: tuple[Message, ...] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    seed: int | None = None
    stop: str | tuple[str, ...] | None = None
    user: str | None = Field(default=None, max_length=512)
    n: Literal[1] = 1

    def decoding(self, released: Decoding) -> Decoding:
        """The release's decoding, narrowed by what the request asks; never more tokens than released."""
        asked = self.max_completion_tokens or self.max_tokens or released.max_tokens
        stop = released.stop if self.stop is None else ((self.stop,) if isinstance(self.stop, str) else self.stop)
        return Decoding(
            max_tokens=min(asked, released.max_tokens),
            temperature=released.temperature if self.temperature is None else self.temperature,
            seed=released.seed if self.seed is None else self.seed,
            stop=stop,
        )


class FeedbackRequest(BaseModel):
    """The body of `POST /v1/feedback`."""

    model_config = ConfigDict(extra="forbid")

    response_id: str = Field(max_length=200)
    kind: Literal["thumb", "score", "edit", "solved", "escalation"]
    value: Json


def read_chat(body: bytes, *, max_messages: int) -> ChatRequest:
    """The request that `body` holds, or the 400 that says what is wrong with it."""
    request = _read(ChatRequest, body)
    if len(request.messages) > max_messages:
        raise HttpFault(
            400, f"at most {max_messages} messages are accepted", code="too_many_messages", param="messages"
        )
    if not any(message.role == "user" for message in request.messages):
        raise HttpFault(400, "no message has the role 'user'", code="invalid_value", param="messages")
    return request


def read_feedback(body: bytes) -> FeedbackRequest:
    """The feedback that `body` holds, or the 400 that says what is wrong with it."""
    return _read(FeedbackRequest, body)


def _read(model: type[Body], body: bytes) -> Body:
    try:
        return model.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as fault:
        raise HttpFault(400, f"the body is not JSON: {fault.msg}", code="invalid_json") from fault
    except ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        what = f"parameter {where!r} is not supported here" if unknown else f"{where}: {first['msg']}"
        code = "unsupported_parameter" if unknown else "invalid_value"
        raise HttpFault(400, what, code=code, param=where) from fault
