"""Pass, fail, or not enough evidence - always with reasons."""

import math
import operator
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, Self

from pydantic import Field

from luthier.domain.measure import Measurement
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


def judge(measured: Measurement, threshold: Threshold, *, alpha: float = 0.05) -> Verdict:
    """Pass when the one-sided bound keeps to the line, fail when the opposite bound breaks it, else hold."""
    lower, upper = measured.lower_bound(alpha=alpha), measured.upper_bound(alpha=alpha)
    surest, kindest = (lower, upper) if threshold.wants_high else (upper, lower)
    figure = f"{measured.metric} = {measured.value:.4g} (n = {measured.n})"
    if threshold.holds(surest):
        return Verdict(outcome="pass", reasons=(f"{figure}: the bound {surest:.4g} is {threshold}",))
    if not threshold.holds(kindest):
        return Verdict(outcome="fail", reasons=(f"{figure}: even the bound {kindest:.4g} is not {threshold}",))
    reason = f"{figure}: bounds {lower:.4g} to {upper:.4g} straddle {threshold}; more rows would decide"
    return Verdict(outcome="not_enough_evidence", reasons=(reason,))


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Fail if any fails, hold if any holds, pass only if all pass; no verdicts are no evidence."""
    if not verdicts:
        return Verdict(outcome="not_enough_evidence", reasons=("nothing was measured",))
    outcomes = {verdict.outcome for verdict in verdicts}
    ranked: tuple[Outcome, ...] = ("fail", "not_enough_evidence", "pass")
    worst = next(outcome for outcome in ranked if outcome in outcomes)
    deciding = [verdict for verdict in verdicts if verdict.outcome == worst]
    return Verdict(outcome=worst, reasons=tuple(reason for verdict in deciding for reason in verdict.reasons))
