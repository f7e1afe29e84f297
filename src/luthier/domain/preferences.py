"""What people think of answers: one liked more than another, or one liked or not by itself."""

from typing import Self

from pydantic import Field, model_validator

from luthier.domain.examples import Example, Message
from luthier.domain.value import Value


class Preference(Value):
    """Answers to one question as people judged them: a pair has both, a single judgement one of them."""

    id: str = Field(min_length=1)
    question: tuple[Message, ...] = Field(min_length=1)
    chosen: str | None = Field(default=None, description="The answer that is liked; None: only the other was judged.")
    rejected: str | None = Field(default=None, description="The answer that is not, or less.")
    tools: str | None = Field(default=None, description="JSON of the tools that were offered.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.chosen == self.rejected:
            raise ValueError("`chosen` and `rejected` are equal, so nothing is preferred")
        return self

    @property
    def is_pair(self) -> bool:
        """Whether one answer is preferred to another."""
        return self.chosen is not None and self.rejected is not None

    @classmethod
    def of(cls, row: Example) -> Self:
        """What a row says that is a preference (`Example.is_preference`)."""
        is_refused = row.rejected is None and row.liked is False
        return cls(
            id=row.id,
            question=row.question,
            chosen=None if is_refused else row.ideal,
            rejected=row.ideal if is_refused else row.rejected,
            tools=row.tools,
        )
