"""Whether a share has dropped by more than the alert line, with the chance of error stated."""

from math import sqrt

from scipy.special import ndtri

from luthier.domain.measure import Measurement
from luthier.domain.verdicts import Verdict


def degradation(before: Measurement, after: Measurement, *, line: float, alpha: float) -> Verdict:
    """Fail when `after` is below `before` beyond chance and by at least `line`; hold while a drop that size could hide.

    `line` is the relative drop that matters. The test is one-sided on two independent proportions (Wald with
    pooled variance; Agresti, Categorical Data Analysis, 2013, ch. 3). Both figures must be proportions.
    """
    gap = before.value - after.value
    matters = line * before.value
    z = float(ndtri(1 - alpha))
    error = _standard_error(before, after)
    figures = f"{before.metric}: {before.value:.3f} (n = {before.n}) before, {after.value:.3f} (n = {after.n}) now"
    if gap > z * error and gap >= matters:
        return Verdict(outcome="fail", reasons=(f"{figures}: a drop of at least {line:.0%}",))
    if gap + z * error < matters or (gap <= 0 and z * error < matters):
        return Verdict(outcome="pass", reasons=(f"{figures}: a drop of {line:.0%} would have shown",))
    return Verdict(outcome="not_enough_evidence", reasons=(f"{figures}: too few to rule out a drop of {line:.0%}",))


def _standard_error(before: Measurement, after: Measurement) -> float:
    pooled = (before.value * before.n + after.value * after.n) / (before.n + after.n)
    return sqrt(pooled * (1 - pooled) * (1 / before.n + 1 / after.n))
