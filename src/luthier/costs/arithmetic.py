"""Sums and ratios of money: sums are exact, ratios round once, at the end, to a millionth."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from luthier.costs.types import Cost, Payback
from luthier.domain.measure import Measurement
from luthier.domain.money import EXACT, Money
from luthier.errors import NotEnoughEvidence, UserError

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
        amount = EXACT.add(amount, cost.amount)
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


def solved_cost_range(spent: Money, solved: Measurement) -> tuple[Money, Money | None]:
    """The cost of a solved task at the high and the low end of the share that is solved; no upper end at a share of 0.

    What was spent counts as known: only how many of such tasks get solved is in doubt.
    """
    task = per_task(spent, solved.n)
    least = _money(task / Fraction(str(solved.high)), spent.currency)
    most = _money(task / Fraction(str(solved.low)), spent.currency) if solved.low > 0 else None
    return least, most


def per_answer(spent: Money, answers: int) -> Money:
    """The mean cost of one answer, right or wrong."""
    if answers <= 0:
        raise NotEnoughEvidence(f"no answer was given, so {spent} has no cost per answer", hint="ask something first")
    return _money(Fraction(spent.amount) / answers, spent.currency)


def upkeep_per_month(build: Money, share_per_year: Decimal) -> Fraction:
    """A month of keeping the build alive, not rounded."""
    return Fraction(build.amount) * Fraction(share_per_year) / 12


def per_task(spent: Money, tasks: int) -> Fraction:
    """What one task costs, solved or not, with all the answers given on the way; not rounded.

    Raises:
        NotEnoughEvidence: No task was scored.

    """
    if tasks <= 0:
        raise NotEnoughEvidence(f"no task was scored, so {spent} has no cost per task", hint="measure some first")
    return Fraction(spent.amount) / tasks


def cost_of_ownership(build: Money, task: Fraction, *, upkeep: Fraction, tasks_per_month: int, months: int) -> Money:
    """Build, a month's upkeep and tasks over the months, rounded once."""
    return _money(Fraction(build.amount) + months * (upkeep + task * tasks_per_month), build.currency)


def payback_months(
    build: Money,
    task: Fraction,
    *,
    upkeep: Fraction,
    tasks_per_month: int,
    cost_per_task_now: Decimal,
    solved_share: float,
) -> Decimal:
    """Months until what solved tasks no longer cost has paid for build, upkeep and every task, rounded once.

    Raises:
        NotEnoughEvidence: A month saves nothing, so the build is never paid back.

    """
    saved_per_task = Fraction(str(solved_share)) * Fraction(cost_per_task_now) - task
    saved = saved_per_task * tasks_per_month - upkeep
    if saved <= 0:
        raise NotEnoughEvidence("a month saves nothing, so the build is never paid back", hint="solve more, or cheaper")
    return _rounded(Fraction(build.amount) / saved)


def payback(
    build: Money,
    task: Fraction,
    *,
    upkeep: Fraction,
    tasks_per_month: int,
    cost_per_task_now: Decimal,
    solved: Measurement,
) -> Payback:
    """Months to pay back at the measured share and at both ends of its interval.

    Raises:
        NotEnoughEvidence: Not even the measured share saves anything.

    """

    def months(share: float) -> Decimal:
        return payback_months(
            build, task, upkeep=upkeep, tasks_per_month=tasks_per_month, cost_per_task_now=cost_per_task_now,
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
    return Decimal(round(value * 1_000_000)).scaleb(-6, context=EXACT)
