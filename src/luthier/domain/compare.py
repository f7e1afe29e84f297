"""Paired comparison of two variants on the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from luthier.domain.mcnemar import mcnemar_exact, mcnemar_mid_p
from luthier.domain.power import rows_until_decided
from luthier.domain.resampling import (
    Floats,
    bootstrap_means,
    cluster_means,
    group_sums,
    percentile_interval,
    sign_flip_p,
)
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.errors import EmptySample

DRAWS = 4_000
FEW_VALUES = 16  # yes-no rows differ by -1, 0 or 1: counting them is the same bootstrap, thirty times faster


class PairedDifference(Value):
    """How much one variant beats another on one metric, row by row; `low` and `high` bound the difference."""

    metric: str
    variant: str
    other: str
    difference: float
    low: float
    high: float
    n: int = Field(gt=0)
    better: int = Field(ge=0, description="Rows on which the first scored higher.")
    worse: int = Field(ge=0, description="Rows on which the first scored lower.")
    p_value: float = Field(
        ge=0, le=1, description="Two-sided: exact McNemar (sign) test, or signs flipped by group where rows share one."
    )
    p_mid: float | None = Field(default=None, ge=0, le=1, description="McNemar's mid-p, told beside the exact one.")
    p_holm: float | None = Field(default=None, description="p_value, corrected for all that was compared with it.")
    clusters: int | None = Field(default=None, description="Groups that were resampled whole, where rows share one.")
    wants_high: bool = Field(default=True, description="False where a lower score is better.")
    confidence: float = 0.95

    @property
    def gain(self) -> tuple[float, float, float]:
        """Difference, low and high, turned so that above 0 means that the first variant is better."""
        return (self.difference, self.low, self.high) if self.wants_high else (-self.difference, -self.high, -self.low)


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """The scores of two variants on the same rows, in the same order, and which group each row is of."""

    metric: str
    variant: str
    other: str
    scores: Sequence[float]
    other_scores: Sequence[float]
    groups: Sequence[str | None] = ()
    wants_high: bool = True

    @property
    def gaps(self) -> Floats:
        """What the first scored above the second on each row."""
        if len(self.scores) != len(self.other_scores):
            raise ValueError(
                f"{self.metric}: {len(self.scores)} and {len(self.other_scores)} scores are not of the same rows"
            )
        if not self.scores:
            raise EmptySample(self.metric)
        return np.asarray(self.scores, dtype=np.float64) - np.asarray(self.other_scores, dtype=np.float64)


def paired_difference(
    metric: str,
    variant: str,
    other: str,
    scores: Sequence[float],
    other_scores: Sequence[float],
    *,
    seed: int,
    confidence: float = 0.95,
    wants_high: bool = True,
    groups: Sequence[str | None] = (),
) -> PairedDifference:
    """The mean difference of paired scores, as `paired_differences` finds it."""
    pairing = Pairing(
        metric=metric, variant=variant, other=other, scores=scores, other_scores=other_scores, groups=groups,
        wants_high=wants_high,
    )  # fmt: skip
    return paired_differences([pairing], seed=seed, confidence=confidence)[0]


def paired_differences(pairings: Sequence[Pairing], *, seed: int, confidence: float = 0.95) -> list[PairedDifference]:
    """Each mean difference with a percentile bootstrap interval and the exact sign test, as each would be alone.

    Where rows share a group (a customer, a conversation) they are no independent witnesses: groups are resampled whole,
    and the test flips the signs of whole groups.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; McNemar, Psychometrika 12 (1947).
    """
    gaps = [np.sort(each.gaps) for each in pairings]
    ends: dict[int, Floats] = {}
    for n in {len(each) for each in gaps}:
        many = [
            place
            for place, each in enumerate(gaps)
            if len(each) == n and len(np.unique(each)) > FEW_VALUES and not _shared(pairings[place])
        ]
        if many:
            means = bootstrap_means(np.column_stack([gaps[place] for place in many]), seed=seed, draws=DRAWS)
            ends |= dict(zip(many, percentile_interval(means, confidence=confidence).T, strict=True))
    return [
        _grouped(pairing, seed=seed, confidence=confidence)
        if _shared(pairing)
        else _plain(pairing, gaps[place], ends.get(place), seed=seed, confidence=confidence)
        for place, pairing in enumerate(pairings)
    ]


def superiority(difference: PairedDifference) -> Verdict:
    """Pass when the first variant is better, fail when it is worse, else hold.

    Better or worse needs both witnesses: the interval off zero and the sign test. On few differing rows the
    percentile interval alone rejects too often: four gains and no loss leave zero, and happen by chance one time in
    eight.
    """
    gain, low, high = difference.gain
    said = (
        f"{difference.metric}: {difference.variant} against {difference.other} gains {gain:+.4g}"
        f" ({low:+.4g} to {high:+.4g}, n = {difference.n}, p = {difference.p_value:.3g})"
    )
    if difference.p_value <= 1 - difference.confidence and (low > 0 or high < 0):
        return Verdict(outcome="pass" if low > 0 else "fail", reasons=(said,))
    needed = rows_until_decided(
        difference.better, difference.worse, difference.n, difference=gain, width=high - low, seen=difference.clusters
    )
    would = f"about {needed:,} rows would decide at this rate" if needed else "more rows that differ would decide"
    return Verdict(outcome="not_enough_evidence", reasons=(f"{said}; {would}",), rows_needed=needed)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, corrected so that all claims together are wrong as seldom as one alone.

    Source: Holm, Scand. J. Statist. 6 (1979) 65-70.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, floor = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = floor
    return corrected


def _plain(pairing: Pairing, gaps: Floats, ends: Floats | None, *, seed: int, confidence: float) -> PairedDifference:
    better, worse = int((gaps > 0).sum()), int((gaps < 0).sum())
    low, high = _few_valued(gaps, seed=seed, confidence=confidence) if ends is None else (float(each) for each in ends)
    mean = float(gaps.mean())
    return PairedDifference(
        metric=pairing.metric, variant=pairing.variant, other=pairing.other, difference=mean, low=min(low, mean),
        high=max(high, mean), n=len(gaps), better=better, worse=worse, p_value=mcnemar_exact(better, worse),
        p_mid=mcnemar_mid_p(better, worse), confidence=confidence, wants_high=pairing.wants_high,
    )  # fmt: skip


def _grouped(pairing: Pairing, *, seed: int, confidence: float) -> PairedDifference:
    gaps, groups = pairing.gaps, _numbered(pairing.groups)
    column = gaps[:, None]
    sums, sizes = group_sums(column, groups)
    order = np.lexsort((sizes, sums[:, 0]))  # named by nothing but what they hold, so that no order of rows matters
    ranked = np.argsort(order)[groups].tolist()
    means = cluster_means(column, ranked, seed=seed, draws=DRAWS)
    [low], [high] = percentile_interval(means, confidence=confidence, groups=len(sizes)).tolist()
    mean = float(gaps.mean())
    return PairedDifference(
        metric=pairing.metric, variant=pairing.variant, other=pairing.other, difference=mean,
        low=max(-_span(gaps), min(low, mean)), high=min(_span(gaps), max(high, mean)), n=len(gaps),
        better=int((gaps > 0).sum()), worse=int((gaps < 0).sum()),
        p_value=sign_flip_p(sums[order, 0], seed=seed), clusters=len(sizes), confidence=confidence,
        wants_high=pairing.wants_high,
    )  # fmt: skip


def _span(gaps: Floats) -> float:
    """No mean of scores between 0 and 1 differs by more than 1; of wider scores, by more than was ever seen."""
    return max(1.0, float(np.abs(gaps).max()))


def _shared(pairing: Pairing) -> bool:
    known = [group for group in pairing.groups if group is not None]
    return len(set(known)) < len(known)


def _numbered(groups: Sequence[str | None]) -> list[int]:
    """A number per group; a row without one is a group of its own."""
    numbers: dict[object, int] = {}
    return [
        numbers.setdefault((place,) if group is None else group, len(numbers)) for place, group in enumerate(groups)
    ]


def _few_valued(values: Floats, *, seed: int, confidence: float) -> tuple[float, float]:
    """The bootstrap interval of a mean of few different values: what is drawn is how often each is there."""
    distinct, counts = np.unique(values, return_counts=True)
    draws = np.random.default_rng(seed)
    means = draws.multinomial(len(values), counts / len(values), size=DRAWS) @ distinct / len(values)
    tail = (1 - confidence) / 2
    return float(np.quantile(means, tail)), float(np.quantile(means, 1 - tail))
