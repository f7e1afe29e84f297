"""Pass, fail, or not enough evidence - always with reasons."""

import math
import operator
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, Self

from pydantic import Field

from luthier.domain.measure import Measurement
from luthier.domain.power import MOST_ROWS
from luthier.domain.value import Value
from luthier.errors import UserError

Outcome = Literal["pass", "fail", "not_enough_evidence"]
Comparator = Literal[">=", "<=", ">", "<"]
_PATTERN = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*(%?)\s*", re.ASCII)
_HOLDS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


class Threshold(Value):
    """A line a figure must keep to, written as people write it: `>= 0.97`, `< 3%`."""

    comparator: Comparator
    limit: float = Field(allow_inf_nan=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The threshold that `text` states, or UserError naming what is accepted."""
        found = _PATTERN.fullmatch(text)
        limit = float(Decimal(found[2]) / (100 if found[3] else 1)) if found else math.inf
        if not found or not math.isfinite(limit):
            raise UserError(f"{text!r} is not a threshold", hint='write an operator and a figure, such as ">= 0.97"')
        return cls.model_validate({"comparator": found[1], "limit": limit})

    @property
    def wants_high(self) -> bool:
        """Whether larger figures are better."""
        return self.comparator.startswith(">")

    def holds(self, figure: float) -> bool:
        """Whether `figure` keeps to the line."""
        return bool(_HOLDS[self.comparator](figure, self.limit))

    def __str__(self) -> str:
        return f"{self.comparator} {self.limit!r}"


class Verdict(Value):
    """One of three outcomes with the reasons that led to it."""

    outcome: Outcome
    reasons: tuple[str, ...]
    rows_needed: int | None = Field(
        default=None, description="Rows that would decide what is open, if the figures stay as they are; None: unknown."
    )


def judge(measured: Measurement, threshold: Threshold, *, alpha: float = 0.05) -> Verdict:
    """Pass when the one-sided bound keeps to the line, fail when the opposite bound breaks it, else hold."""
    lower, upper = measured.lower_bound(alpha=alpha), measured.upper_bound(alpha=alpha)
    surest, kindest = (lower, upper) if threshold.wants_high else (upper, lower)
    figure = f"{measured.metric} = {measured.value:.4g} (n = {measured.n})"
    if threshold.holds(surest):
        return Verdict(outcome="pass", reasons=(f"{figure}: the bound {surest:.4g} is {threshold}",))
    if not threshold.holds(kindest):
        return Verdict(outcome="fail", reasons=(f"{figure}: even the bound {kindest:.4g} is not {threshold}",))
    needed = rows_to_judge(measured, threshold, alpha=alpha)
    would = f"about {needed:,} rows would decide at this rate" if needed else "no number of rows would decide it here"
    reason = f"{figure}: bounds {lower:.4g} to {upper:.4g} straddle {threshold}; {would}"
    return Verdict(outcome="not_enough_evidence", reasons=(reason,), rows_needed=needed)


def rows_to_judge(measured: Measurement, threshold: Threshold, *, alpha: float = 0.05) -> int | None:
    """Rows with which the bound would leave the line, at the same figure; None where the figure lies on the line."""
    if measured.value == threshold.limit:
        return None

    def decides(n: int) -> bool:
        found = measured.with_rows(n)
        good, bad = found.lower_bound(alpha=alpha), found.upper_bound(alpha=alpha)
        surest, kindest = (good, bad) if threshold.wants_high else (bad, good)
        return threshold.holds(surest) or not threshold.holds(kindest)

    few = measured.n
    many = few
    while not decides(many):
        few, many = many, 2 * many
        if many > MOST_ROWS:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if decides(middle) else (middle, many)
    return many


def most_misses(threshold: Threshold, n: int, *, alpha: float = 0.05) -> int | None:
    """How many of `n` rows may go against the line and its exact bound still pass; None where not even 0 may.

    Against `>= 0.97` a miss is a row that is not so, against `<= 3%` one that is.
    """

    def passes(misses: int) -> bool:
        hits = n - misses if threshold.wants_high else misses
        found = Measurement.of_proportion("share", hits, n=n)
        return threshold.holds(
            found.lower_bound(alpha=alpha) if threshold.wants_high else found.upper_bound(alpha=alpha)
        )

    if not passes(0):
        return None
    few, many = 0, n + 1
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if passes(middle) else (few, middle)
    return few


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Fail if any fails, hold if any holds, pass only if all pass; no verdicts are no evidence."""
    if not verdicts:
        return Verdict(outcome="not_enough_evidence", reasons=("nothing was measured",))
    outcomes = {verdict.outcome for verdict in verdicts}
    ranked: tuple[Outcome, ...] = ("fail", "not_enough_evidence", "pass")
    worst = next(outcome for outcome in ranked if outcome in outcomes)
    deciding = [verdict for verdict in verdicts if verdict.outcome == worst]
    needed = [verdict.rows_needed for verdict in deciding if verdict.rows_needed]
    return Verdict(
        outcome=worst,
        reasons=tuple(reason for verdict in deciding for reason in verdict.reasons),
        rows_needed=max(needed) if len(needed) == len(deciding) else None,
    )
