"""The gateway's one way out: chat completions at an OpenAI-compatible back end."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import aiohttp
import orjson
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, Field, ValidationError

from luthier.domain.examples import Message
from luthier.domain.variants import Decoding

MAX_ANSWER_BYTES = 8_000_000
_LOST = (aiohttp.ClientError, HttpProcessingError, TimeoutError, ValidationError)
"""What a back end that dies, hangs or talks nonsense comes to."""


class BackendDown(Exception):
    """The back end did not answer, or answered with a fault of its own; another route may be tried."""


class BackendRefused(Exception):
    """The back end says the request itself is wrong; no other route would take it."""

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class Asked:
    """One request as a back end gets it."""

    base_url: str
    key: str | None
    model: str
    messages: Sequence[Message]
    decoding: Decoding

    def body(self, *, stream: bool) -> bytes:
        """The JSON body."""
        body: dict[str, object] = {
            "model": self.model,
            "messages": [message.model_dump() for message in self.messages],
            "max_tokens": self.decoding.max_tokens,
            "temperature": self.decoding.temperature,
            "seed": self.decoding.seed,
            "stream": stream,
        }
        if self.decoding.stop:
            body["stop"] = list(self.decoding.stop)
        if stream:
            body["stream_options"] = {"include_usage": True}
        return orjson.dumps(body)

    def headers(self) -> dict[str, str]:
        """Content type, and the credential where there is one."""
        headers = {"content-type": "application/json"}
        return headers | {"authorization": f"Bearer {self.key}"} if self.key else headers


@dataclass(frozen=True)
class Piece:
    """A part of an answer; the last one has the finish reason, and tokens where the back end told them."""

    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Text(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Text
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class _DeltaChoice(BaseModel):
    delta: _Text
    finish_reason: str | None = None


class _Chunk(BaseModel):
    choices: list[_DeltaChoice]
    usage: _Usage | None = None


class _Error(BaseModel):
    message: str
    code: str | None = None


class _Refusal(BaseModel):
    error: _Error


async def complete(session: aiohttp.ClientSession, asked: Asked) -> Piece:
    """The whole answer."""
    try:
        async with session.post(_url(asked), data=asked.body(stream=False), headers=asked.headers()) as response:
            body = await _body(response)
            _check(response.status, body)
            return _whole(body)
    except _LOST as fault:
        raise BackendDown(type(fault).__name__) from fault


async def stream(session: aiohttp.ClientSession, asked: Asked) -> AsyncIterator[Piece]:
    """The answer piece by piece; BackendDown before the first piece means that nothing was sent."""
    try:
        async with session.post(_url(asked), data=asked.body(stream=True), headers=asked.headers()) as response:
            if response.status != 200:
                _check(response.status, await _body(response))
            async for line in response.content:
                data = line.strip().removeprefix(b"data:").strip()
                if data and data != b"[DONE]":
                    yield _part(data)
    except _LOST as fault:
        raise BackendDown(type(fault).__name__) from fault


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The body to its end: one `read(n)` would give what has arrived so far."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise BackendDown("too long an answer")
    return bytes(body)


def _url(asked: Asked) -> str:
    return f"{asked.base_url.rstrip('/')}/chat/completions"


def _check(status: int, body: bytes) -> None:
    if status == 200:
        return
    if status in {400, 413, 422}:
        error = _Refusal.model_validate_json(body).error
        raise BackendRefused(status, error.message, error.code or "invalid_request")
    raise BackendDown(f"status {status}")


def _whole(body: bytes) -> Piece:
    said = _Completion.model_validate_json(body)
    choice = said.choices[0]
    return _piece(choice.message.content, choice.finish_reason, said.usage)


def _part(data: bytes) -> Piece:
    said = _Chunk.model_validate_json(data)
    if not said.choices:
        return _piece(None, None, said.usage)
    choice = said.choices[0]
    return _piece(choice.delta.content, choice.finish_reason, said.usage)


def _piece(text: str | None, finish_reason: str | None, usage: _Usage | None) -> Piece:
    tokens = usage or _Usage()
    return Piece(
        text=text or "",
        finish_reason=finish_reason,
        prompt_tokens=tokens.prompt_tokens,
        completion_tokens=tokens.completion_tokens,
    )
