"""One request served, and what people said of it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from luthier.domain.value import Json, Value

Arm = Literal["stable", "canary", "fallback"]
FeedbackKind = Literal["thumb", "score", "edit", "solved", "escalation"]


class Interaction(Value):
    """One request served: by which release, at what cost, with which guard results."""

    id: str
    at: datetime
    user_key: str = Field(description="Salted hash of the user; never the name.")
    release_id: str
    variant: str = Field(description="Digest of the variant that answered.")
    arm: Arm
    asked: str | None = Field(description="The last user message, where retention allows keeping it.")
    answered: str | None
    status_code: int
    latency_seconds: float = Field(ge=0)
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    cost: Decimal = Decimal(0)
    guards: Mapping[str, bool] = Field(default_factory=dict, description="Guard -> whether the answer passed it.")
    error: str | None = None


class Feedback(Value):
    """What a person or a system downstream said of one interaction."""

    interaction_id: str
    at: datetime
    kind: FeedbackKind
    value: Json


class Finding(Value):
    """Something monitoring saw, with evidence."""

    kind: str
    severity: Literal["info", "warning", "alarm"]
    summary: str
    evidence: Mapping[str, float]
    at: datetime
