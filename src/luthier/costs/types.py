"""What was spent, and what it comes to."""

from collections.abc import Mapping
from decimal import Decimal

from pydantic import Field

from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.value import Value

BUILD_BUCKETS = ("data", "labelling", "training", "evaluation", "engineering")


class Cost(Value):
    """One amount of the ledger."""

    bucket: str = Field(min_length=1)
    amount: Decimal
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class VariantCost(Value):
    """What the answers of one variant cost, each and per task solved."""

    variant: str
    solved: Measurement
    total: Money
    per_answer: Money
    per_solved: Money | None = Field(description="None where nothing was solved: there is no such figure.")
    per_solved_low: Money = Field(description="At the high end of the share that is solved.")
    per_solved_high: Money | None = Field(description="At its low end; None where that is 0.")
    answers: int = Field(ge=1, description="Answers given, those of earlier turns included; the total is theirs.")


class Payback(Value):
    """Months until the savings have paid for the build; a bound is None where the savings never do."""

    months: Decimal
    soonest_months: Decimal = Field(description="At the high end of the share that is solved.")
    latest_months: Decimal | None = Field(description="At the low end of the share that is solved.")


class CostReport(Value):
    """The money side of a project, and what could not be said of it."""

    build: Mapping[str, Money] = Field(description="Bucket -> spent before the first customer.")
    build_total: Money
    running: Mapping[str, Money] = Field(description="Bucket -> spent since.")
    variants: tuple[VariantCost, ...]
    total_cost_of_ownership: Mapping[str, Money] = Field(description="Variant -> build, upkeep and answers in all.")
    payback: Mapping[str, Payback]
    notes: tuple[str, ...] = Field(description="Where a stated figure was used, and which figures are not to be had.")
