"""What a judge is shown: one answer or two to the same question, and what people said of them."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from luthier.domain.value import Value

Label = int | str
"""A mark of a rubric; or `a`, `b` or `tie`; or `unreadable`."""
Side = Literal["a", "b", "tie"]
A, B, TIE = "a", "b", "tie"
UNREADABLE, UNANSWERED = "unreadable", "unanswered"
"""No verdict: words that state none, or no words at all."""


class Item(Value):
    """A question with one answer (rubric) or two (pairwise)."""

    id: str
    question: str
    answers: tuple[str, ...] = Field(min_length=1, max_length=2)
    reference: str | None = None


class Labelled(Value):
    """An item that people judged."""

    item: Item
    people: Mapping[str, Label] = Field(min_length=1, description="Person -> label.")
    authors: tuple[str, ...] = Field(default=(), description="Who wrote each answer, where it is known.")
    group: str = Field(description="Items of one group hang together; by default those of one question.")
