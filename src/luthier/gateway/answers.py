"""What back ends answer, read carefully: anything that is no completion is a fault of the back end."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

JsonObject = dict[str, Any]


class BackendDown(Exception):
    """The back end did not answer, or answered with a fault of its own; another route may be tried."""

    def __init__(self, what: str, *, retry_seconds: float = 0.0) -> None:
        super().__init__(what)
        self.retry_seconds = retry_seconds


class BackendRefused(Exception):
    """The back end says the request itself is wrong; no other route would take it."""

    def __init__(self, status: int, message: str, code: str, param: str | None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param


class _Error(BaseModel):
    message: str
    code: str | int | None = None
    param: str | None = None


class _Refusal(BaseModel):
    error: _Error


@dataclass(slots=True)
class Usage:
    """Tokens that a back end told."""

    prompt: int = 0
    completion: int = 0

    @property
    def told(self) -> dict[str, int]:
        """As OpenAI writes it."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
        }


@dataclass(slots=True)
class Said:
    """A whole answer: its choices as the back end wrote them, and its tokens."""

    choices: list[JsonObject] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str:
        """What the first choice says."""
        if not self.choices:
            return ""
        first = self.choices[0]
        return (first["message"]["content"] or "") if "message" in first else first.get("text", "")


def refusal(status: int, body: bytes) -> Exception:
    """What an answer with a status other than 200 comes to."""
    if status in {400, 404, 413, 422}:
        try:
            error = _Refusal.model_validate_json(body).error
        except ValidationError:
            return BackendDown(f"status {status}")
        if status != 404:
            return BackendRefused(status, error.message, str(error.code or "invalid_request"), error.param)
    return BackendDown(f"status {status}")


def whole(body: bytes, *, is_chat: bool) -> Said:
    """The completion in `body`; BackendDown where it is none."""
    said = _object(body)
    choices = said.get("choices")
    if not isinstance(choices, list) or not choices:
        raise BackendDown("no completion")
    for choice in choices:
        _check(choice, "message" if is_chat else "text")
    return Said(choices, _usage(said.get("usage")))


def part(data: bytes, *, is_chat: bool) -> Said:
    """The chunk in one event of a stream; BackendDown where it is none, or where it tells an error."""
    said = _object(data)
    choices = said.get("choices")
    if not isinstance(choices, list):
        raise BackendDown("error in stream" if "error" in said else "no completion")
    for choice in choices:
        _check(choice, "delta" if is_chat else "text")
    return Said(choices, _usage(said.get("usage")))


def _object(data: bytes) -> JsonObject:
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BackendDown("not JSON") from None
    if not isinstance(said, dict):
        raise BackendDown("no completion")
    return said


def _check(choice: object, member: str) -> None:
    if not isinstance(choice, dict) or not isinstance(choice.get("index", 0), int):
        raise BackendDown("no completion")
    inner = choice.get(member)
    if member == "text" and isinstance(inner, str):
        return
    if member == "text" or not isinstance(inner, dict) or not isinstance(inner.setdefault("content", None), str | None):
        raise BackendDown("no completion")


def _usage(told: object) -> Usage:
    if not isinstance(told, dict):
        return Usage()
    prompt, completion = told.get("prompt_tokens", 0), told.get("completion_tokens", 0)
    if not (isinstance(prompt, int) and isinstance(completion, int) and prompt >= 0 and completion >= 0):
        return Usage()
    return Usage(prompt, completion)
