"""One conversation with its ideal answer, and where it came from."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from luthier.domain.digests import digest_of
from luthier.domain.value import Value

Role = Literal["system", "user", "assistant", "tool"]


class Message(Value):
    """One turn of a conversation."""

    role: Role
    content: str


class Example(Value):
    """A conversation whose last message is the ideal answer; tags say what it is and whose it is."""

    id: str = Field(min_length=1, description="Stable within its source, e.g. `emails.jsonl:17`.")
    messages: tuple[Message, ...] = Field(min_length=2)
    strata: Mapping[str, str] = Field(default_factory=dict, description="Tags that figures are split by.")
    source: str = ""
    lawful_basis: str = ""
    subject: str | None = Field(default=None, description="Whom the row is about; kept rows hold a salted key.")
    group: str | None = Field(default=None, description="Rows of one group never straddle splits.")
    tools: str | None = Field(default=None, description="JSON of the tools that were offered.")
    rejected: str | None = Field(default=None, description="The answer that a person liked less.")
    liked: bool | None = Field(default=None, description="What a person thought of the answer, judged by itself.")
    collected_on: date | None = Field(default=None, description="When the row was collected; retention counts from it.")
    synthetic: bool = Field(default=False, description="Whether a model wrote it.")

    @field_validator("strata")
    @classmethod
    def _strata_are_sorted(cls, strata: Mapping[str, str]) -> Mapping[str, str]:
        return dict(sorted(strata.items()))

    @model_validator(mode="after")
    def _ends_with_the_ideal_answer(self) -> Self:
        if self.messages[-1].role != "assistant":
            raise ValueError("the last message must be the assistant's ideal answer")
        if not any(message.role == "user" for message in self.messages):
            raise ValueError("no user message comes before the answer")
        return self

    @property
    def question(self) -> tuple[Message, ...]:
        """Every message before the ideal answer."""
        return self.messages[:-1]

    @property
    def asked(self) -> str:
        """The last user message before the ideal answer."""
        return next(message.content for message in reversed(self.question) if message.role == "user")

    @property
    def ideal(self) -> str:
        """The text of the ideal answer."""
        return self.messages[-1].content

    @property
    def is_preference(self) -> bool:
        """Whether it says what people prefer; its last message then need not be an ideal answer."""
        return self.rejected is not None or self.liked is not None

    @property
    def content_digest(self) -> str:
        """Digest of what is said and preferred alone: equal for the same text whatever its tags."""
        told = [message.model_dump(mode="json") for message in self.messages]
        return digest_of([*told, self.rejected, self.liked] if self.is_preference else told)
