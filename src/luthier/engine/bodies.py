"""What may be asked over HTTP; what is not listed is refused, and neutral values of what is unsupported pass."""

import json
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from luthier.domain.examples import Message, Role
from luthier.domain.variants import Decoding
from luthier.engine.faults import BadParameter, bad_body
from luthier.variants.engines.base import EngineRequest

MOST_CHOICES = 16
MOST_TOKENS = 32_768


class Body(BaseModel):
    """The strict base of every request body."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TextPart(Body):
    """A part of a message that is text."""

    type: Literal["text"]
    text: str


class ChatMessage(Body):
    """One turn as OpenAI's clients write it."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart]

    def message(self) -> Message:
        """The same as a domain value; `developer` is what newer clients call `system`."""
        role: Role = "system" if self.role == "developer" else self.role
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return Message(role=role, content=text)


class StreamOptions(Body):
    """What a stream carries besides text."""

    include_usage: bool = False


class TextFormat(Body):
    """The only response format that is served."""

    type: Literal["text"]


class DrawnBody(Body):
    """What chat and plain completions have in common."""

    model: str = Field(min_length=1, max_length=300)
    max_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=2)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = Field(default=None, max_length=1_000)
    top_p: Literal[1] | None = None
    frequency_penalty: Literal[0] | None = None
    presence_penalty: Literal[0] | None = None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the tokens it took."""
        return self.stream_options is not None and self.stream_options.include_usage

    def decodings(self, *, drawn_seed: int, most_tokens: int) -> list[Decoding]:
        """One per choice, each with the next seed; OpenAI's default temperature is 1."""
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        seed = (drawn_seed if self.seed is None else self.seed) % 2**63
        return [
            Decoding(
                max_tokens=min(most_tokens, MOST_TOKENS),
                temperature=1.0 if self.temperature is None else self.temperature,
                seed=seed + choice,
                stop=tuple(each for each in stop if each),
            )
            for choice in range(self.n or 1)
        ]


class ChatBody(DrawnBody):
    """The body of `/v1/chat/completions`."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=10_000)]
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    logprobs: bool | None = None
    top_logprobs: Literal[0] | None = None
    response_format: TextFormat | None = None

    def requests(self, adapter: str | None, *, drawn_seed: int, context_tokens: int) -> list[EngineRequest]:
        """One request per choice."""
        messages = tuple(each.message() for each in self.messages)
        most = self.max_completion_tokens or self.max_tokens or context_tokens
        decodings = self.decodings(drawn_seed=drawn_seed, most_tokens=most)
        return [EngineRequest(messages=messages, adapter=adapter, decoding=each) for each in decodings]


class CompletionBody(DrawnBody):
    """The body of `/v1/completions`."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=64)]

    def requests(self, adapter: str | None, *, drawn_seed: int, context_tokens: int) -> list[EngineRequest]:
        """One request per prompt and choice; OpenAI's default length is 16."""
        prompts: Sequence[str] = [self.prompt] if isinstance(self.prompt, str) else self.prompt
        decodings = self.decodings(drawn_seed=drawn_seed, most_tokens=min(self.max_tokens or 16, context_tokens))
        return [EngineRequest(text=text, adapter=adapter, decoding=each) for text in prompts for each in decodings]


class LoadAdapterBody(Body):
    """The body of `/v1/load_lora_adapter`, as vLLM has it."""

    lora_name: str = Field(min_length=1, max_length=300)
    lora_path: str = Field(min_length=1, max_length=4_000)


class UnloadAdapterBody(Body):
    """The body of `/v1/unload_lora_adapter`, as vLLM has it."""

    lora_name: str = Field(min_length=1, max_length=300)


B = TypeVar("B", bound=Body)


def parse_body(kind: type[B], raw: bytes) -> B:
    """The body as `kind`, or BadParameter with the name of the first parameter at fault."""
    try:
        value = json.loads(raw, object_pairs_hook=_once)
        json.dumps(value, ensure_ascii=False).encode()  # half a character has no bytes: no tokenizer takes it
        return kind.model_validate(value)
    except ValidationError as fault:
        raise bad_body(fault) from None
    except (ValueError, RecursionError):
        raise BadParameter("the body is not JSON", param=None, code="invalid_body") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object; ValueError where a name stands twice, which two readers could take for different things."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found
