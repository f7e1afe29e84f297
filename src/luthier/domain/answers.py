"""What came back for one question, and what it took."""

from typing import Literal

from pydantic import Field

from luthier.domain.money import Money
from luthier.domain.value import Value

FinishReason = Literal["stop", "length", "error", "timeout"]


class Answer(Value):
    """One answer, or none with the error; tokens, seconds and money are measured, never guessed."""

    text: str | None
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    latency_seconds: float = Field(default=0.0, ge=0)
    cost: Money = Money()
    sources: tuple[str, ...] = Field(default=(), description="Ids of the passages shown to the model.")
    error: str | None = None
