"""Amounts of money, exact to the last digit, and prices of tokens and hours."""

from decimal import Context, Decimal, Inexact
from typing import Self

from pydantic import Field

from luthier.domain.value import Value

EXACT = Context(prec=200, traps=[Inexact])
"""The context for sums of money: one that had to round would raise, not round."""


class Money(Value):
    """An exact amount in one currency; two currencies never add."""

    amount: Decimal = Decimal(0)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")

    def __add__(self, other: Self) -> Self:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add; convert one of them first")
        return self.model_copy(update={"amount": EXACT.add(self.amount, other.amount)})

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,.2f}"


class TokenPrice(Value):
    """What an engine charges per million tokens."""

    input_per_million: Decimal = Field(default=Decimal(0), ge=0)
    output_per_million: Decimal = Field(default=Decimal(0), ge=0)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")

    def of(self, prompt_tokens: int, completion_tokens: int) -> Money:
        """The price of one answer."""
        spent = self.input_per_million * prompt_tokens + self.output_per_million * completion_tokens
        return Money(amount=spent / Decimal(1_000_000), currency=self.currency)
