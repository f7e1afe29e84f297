"""Events, states and commands of a review, all of them JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from luthier.domain.value import Value

Mark = Literal["accept", "reject"]
Standing = Literal["pending", "disputed", "accepted", "rejected", "overridden"]
Person = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Annotated[str, Field(min_length=1, max_length=2_000)]


class Queued(Value):
    """Rows that now wait for reviewers."""

    kind: Literal["queued"] = "queued"
    rows: tuple[str, ...] = Field(min_length=1)
    reason: str = ""


class Submitted(Value):
    """One person's marks, handed in together."""

    kind: Literal["submitted"] = "submitted"
    reviewer: Person
    marks: Mapping[str, Mark] = Field(min_length=1, description="Row id -> mark.")
    simulated: bool = Field(default=False, description="True when no person looked, as in the demo.")


class Adjudicated(Value):
    """The decision of a third person, after talking to the two who disagreed."""

    kind: Literal["adjudicated"] = "adjudicated"
    by: Person
    row_id: str
    decision: Mark
    reason: Reason


class Overridden(Value):
    """Rows let in without all their reviews, by somebody who answers for it."""

    kind: Literal["overridden"] = "overridden"
    by: Person
    reason: Reason
    rows: tuple[str, ...] = Field(min_length=1)


ReviewEvent = Annotated[Queued | Submitted | Adjudicated | Overridden, Field(discriminator="kind")]


class RowMark(Value):
    """One person's mark on one row."""

    reviewer: str
    mark: Mark
    at: datetime
    simulated: bool = False


class Ruling(Value):
    """A decision that stands above marks: an adjudication or an override."""

    kind: Literal["adjudicated", "overridden"]
    by: str
    decision: Mark
    reason: str
    at: datetime


class RowReview(Value):
    """All that was said about one row."""

    marks: tuple[RowMark, ...] = ()
    ruling: Ruling | None = None


class ReviewState(Value):
    """Every row under review; a replay of the same events gives the same state."""

    reviewers_required: int = Field(ge=1)
    rows: Mapping[str, RowReview] = Field(default_factory=dict)


class AskAdjudicator(Value):
    """A row whose reviewers disagree needs a third person."""

    kind: Literal["ask_adjudicator"] = "ask_adjudicator"
    row_id: str
    not_by: tuple[str, ...] = Field(description="Its reviewers, who may not decide it.")


class Settle(Value):
    """A row has reached its end: it may enter snapshots, or never will."""

    kind: Literal["settle"] = "settle"
    row_id: str
    standing: Literal["accepted", "rejected", "overridden"]


Command = Annotated[AskAdjudicator | Settle, Field(discriminator="kind")]
