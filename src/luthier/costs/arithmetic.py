"""Sums and ratios of money: sums are exact, ratios round once, at the end, to a millionth."""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from fractions import Fraction

from luthier.costs.types import Cost, Payback
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.errors import NotEnoughEvidence, UserError

_EXACT = Context(prec=200, traps=[Inexact])  # a sum that had to round would raise, not round
SECONDS_PER_HOUR = 3_600


def total(costs: Iterable[Cost], currency: str) -> Money:
    """The exact sum; UserError when an amount is in another currency."""
    amount = Decimal(0)
    for cost in costs:
        if cost.currency != currency:
            raise UserError(
                f"a cost of bucket {cost.bucket!r} is in {cost.currency} and the project counts in {currency}",
                hint="enter it in the project's currency, at the rate that was paid",
            )
        amount = _EXACT.add(amount, cost.amount)
    return Money(amount=amount, currency=currency)


def by_bucket(costs: Iterable[Cost], currency: str) -> dict[str, Money]:
    """The exact sum of each bucket, by name."""
    listed = list(costs)
    buckets = sorted({cost.bucket for cost in listed})
    return {bucket: total((cost for cost in listed if cost.bucket == bucket), currency) for bucket in buckets}


def machine_time(seconds: float, hour_price: Decimal, currency: str) -> Money:
    """What a machine of this price costs for so many seconds."""
    return _money(Fraction(str(seconds)) * Fraction(hour_price) / SECONDS_PER_HOUR, currency)


def cost_per_solved(spent: Money, solved: int) -> Money:
    """Everything spent over the tasks solved.

    Raises:
        NotEnoughEvidence: Nothing was solved; the ratio would be no number.

    """
    if solved <= 0:
        raise NotEnoughEvidence(f"no task was solved, so {spent} has no cost per solved task", hint="solve one first")
    return _money(Fraction(spent.amount) / solved, spent.currency)


def per_answer(spent: Money, answers: int) -> Money:
    """The mean cost of one answer, right or wrong."""
    if answers <= 0:
        raise NotEnoughEvidence(f"no answer was given, so {spent} has no cost per answer", hint="ask something first")
    return _money(Fraction(spent.amount) / answers, spent.currency)


def upkeep_per_month(build: Money, share_per_year: Decimal) -> Money:
    """A month of keeping the build alive."""
    return _money(Fraction(build.amount) * Fraction(share_per_year) / 12, build.currency)


def cost_of_ownership(build: Money, answer: Money, *, upkeep: Money, tasks_per_month: int, months: int) -> Money:
    """Build, upkeep and answers over the months."""
    monthly = _EXACT.add(upkeep.amount, _EXACT.multiply(answer.amount, Decimal(tasks_per_month)))
    return Money(amount=_EXACT.add(build.amount, _EXACT.multiply(monthly, Decimal(months))), currency=build.currency)


def payback_months(
    build: Money, answer: Money, *, upkeep: Money, tasks_per_month: int, cost_per_task_now: Decimal, solved_share: float
) -> Decimal:
    """Months until what solved tasks no longer cost has paid for build, upkeep and every answer.

    Raises:
        NotEnoughEvidence: A month saves nothing, so the build is never paid back.

    """
    saved_per_task = Fraction(str(solved_share)) * Fraction(cost_per_task_now) - Fraction(answer.amount)
    saved = saved_per_task * tasks_per_month - Fraction(upkeep.amount)
    if saved <= 0:
        raise NotEnoughEvidence("a month saves nothing, so the build is never paid back", hint="solve more, or cheaper")
    return _rounded(Fraction(build.amount) / saved)


def payback(
    build: Money, answer: Money, *, upkeep: Money, tasks_per_month: int, cost_per_task_now: Decimal, solved: Measurement
) -> Payback:
    """Months to pay back at the measured share and at both ends of its interval.

    Raises:
        NotEnoughEvidence: Not even the measured share saves anything.

    """

    def months(share: float) -> Decimal:
        return payback_months(
            build, answer, upkeep=upkeep, tasks_per_month=tasks_per_month, cost_per_task_now=cost_per_task_now,
            solved_share=share,
        )  # fmt: skip

    measured, soonest = months(solved.value), months(solved.high)
    try:
        latest = months(solved.low)
    except NotEnoughEvidence:
        latest = None
    return Payback(months=measured, soonest_months=soonest, latest_months=latest)


def _money(amount: Fraction, currency: str) -> Money:
    return Money(amount=_rounded(amount), currency=currency)


def _rounded(value: Fraction) -> Decimal:
    """To a millionth, halves to even, from the exact ratio."""
    return Decimal(round(value * 1_000_000)).scaleb(-6, context=_EXACT)
