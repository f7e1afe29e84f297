"""Whether a share has dropped, tested against no drop, with the number of answers that a drop of the line takes."""

from math import sqrt

from scipy.special import bdtr, ndtri

from luthier.domain.measure import Measurement
from luthier.domain.verdicts import Verdict

POWER = 0.9
MOST_ANSWERS = 1 << 24


def degradation(before: Measurement, after: Measurement, *, line: float, alpha: float) -> Verdict:
    """Fail on a drop that chance does not explain and that may be as large as `line`; hold while too few were judged.

    `line` is the relative drop that matters. Pass: a drop of `line` is ruled out, one-sided at `alpha` (score test with
    the variance under that drop). Fail: it is not, and Fisher's exact test, one-sided, refutes that nothing dropped; it
    errs at most at `alpha` however few answers there are. Both figures must be proportions of independent answers.

    Source: Agresti, Categorical Data Analysis, 2013, ch. 3.
    """
    gap, matters = before.value - after.value, line * before.value
    figures = f"{before.metric}: {before.value:.3f} (n = {before.n}) before, {after.value:.3f} (n = {after.n}) now"
    if gap + float(ndtri(1 - alpha)) * _error_under_drop(before, after.n, line) < matters:
        return Verdict(outcome="pass", reasons=(f"{figures}: a drop of {line:.0%} would have shown",))
    if _chance_of_so_few(before, _hits(after), after.n) <= alpha:
        return Verdict(outcome="fail", reasons=(f"{figures}: a drop, and one of {line:.0%} is not ruled out",))
    needed = planned_answers(before, line=line, alpha=alpha)
    plan = f"{needed} judged answers would show it" if needed else "no number of answers shows it against so few before"
    reason = f"{figures}: too few to rule out a drop of {line:.0%}; {plan}"
    return Verdict(outcome="not_enough_evidence", reasons=(reason,))


def planned_answers(before: Measurement, *, line: float, alpha: float, power: float = POWER) -> int | None:
    """Judged answers at which a drop of `line` alarms with this power; None where `before` is itself too uncertain.

    Exact for the alarm of `degradation`, taking `before` for the true share.
    """
    dropped = before.value * (1 - line)

    def shows(n: int) -> bool:
        return float(bdtr(_most_hits_that_alarm(before, n, alpha), n, dropped)) >= power

    most = 16
    while not shows(most):
        most *= 2
        if most > MOST_ANSWERS:
            return None
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if shows(middle) else (middle, most)
    return most


def _most_hits_that_alarm(before: Measurement, n: int, alpha: float) -> int:
    """The largest number of solved answers of `n` that is too few to be chance; -1 where none is."""
    least, most = -1, n + 1
    while most - least > 1:
        middle = (least + most) // 2
        is_alarm = _chance_of_so_few(before, middle, n) <= alpha
        least, most = (middle, most) if is_alarm else (least, middle)
    return least


def _chance_of_so_few(before: Measurement, hits: int, n: int) -> float:
    """Fisher's one-sided p-value: that no more than `hits` of the solved fall on these `n`, were all answers alike."""
    from scipy.stats import hypergeom  # noqa: PLC0415 - a second to import; only a check pays

    return float(hypergeom.cdf(hits, before.n + n, _hits(before) + hits, n))


def _hits(share: Measurement) -> int:
    return share.hits if share.hits is not None else round(share.value * share.n)


def _error_under_drop(before: Measurement, n: int, line: float) -> float:
    dropped = before.value * (1 - line)
    return sqrt(before.value * (1 - before.value) / before.n + dropped * (1 - dropped) / n)
