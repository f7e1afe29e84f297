"""How far raters agree beyond what chance would give, with the doubt that few or clustered items leave.

Every coefficient here is a function of sums over items, so a resample of items is a weighted sum of their features: a
thousand resamples are one matrix product.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from luthier.domain.measure import Measurement
from luthier.errors import EmptySample, NotEnoughEvidence

Labels = Sequence[Hashable]
Unit = Sequence[Hashable | None]
"""The labels of one item, a rater each; None is a missing one."""
Array: TypeAlias = NDArray[np.float64]
Scale = Literal["nominal", "interval"]
"""Whether two different labels are just different, or as far apart as their values are."""
DRAWS = 2_000


@dataclass(frozen=True)
class Coefficient:
    """A figure of agreement that depends on the items through sums alone."""

    name: str
    features: Array
    """A row per item."""
    of_sums: Callable[[Array], Array]
    """Sums of features, one row per resample, to figures; NaN where chance alone explains everything."""

    @property
    def value(self) -> float:
        """The figure of all items; NotEnoughEvidence where it is undefined."""
        found = float(self.of_sums(self.features.sum(axis=0)[None])[0])
        if np.isnan(found):
            raise NotEnoughEvidence(
                f"one label was used throughout, so {self.name} is undefined", hint="add harder rows"
            )
        return found

    def draws(self, clusters: Sequence[Hashable] | None = None, *, seed: int, count: int = DRAWS) -> Array:
        """The figure of `count` resamples of whole clusters; of equal seeds and clusters the resamples are the same.

        A resample in which chance explains everything shows no agreement beyond it, and counts as 0.

        Source: Field & Welsh, Bootstrapping clustered data, JRSS B 69 (2007).
        """
        places = _places(clusters, len(self.features))
        sums = np.zeros((max(places) + 1, self.features.shape[1]))
        np.add.at(sums, places, self.features)
        size = len(sums)
        weights = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=count)
        return np.nan_to_num(self.of_sums(weights @ sums), nan=0.0)

    def measured(
        self, clusters: Sequence[Hashable] | None = None, *, seed: int, confidence: float = 0.95
    ) -> Measurement:
        """The figure with its percentile interval over resampled clusters."""
        low, high = interval(self.draws(clusters, seed=seed), confidence=confidence)
        value = self.value
        return Measurement(
            metric=self.name, value=value, n=len(self.features), low=min(low, value), high=max(high, value),
            confidence=confidence, method="bootstrap",
        )  # fmt: skip


def interval(draws: Array, *, confidence: float = 0.95) -> tuple[float, float]:
    """The percentile interval of resampled figures."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def percent_agreement(one: Labels, other: Labels) -> float:
    """Share of items on which two people chose the same label."""
    _same_items(one, other)
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def cohen_kappa(one: Labels, other: Labels) -> float:
    """Agreement of two people above what their own label shares would give by chance, at most 1.

    Raises:
        NotEnoughEvidence: Both used one and the same label throughout, so chance alone explains everything.

    Source: Cohen, Educational and Psychological Measurement 20 (1960).

    """
    _same_items(one, other)
    return mean_kappa(one, [other]).value


def mean_kappa(one: Unit, others: Sequence[Unit], *, scale: Scale = "nominal", apart: Labels = ()) -> Coefficient:
    """Cohen's kappa of one rater with each of several others, averaged over them.

    Args:
        one: A label per item; None where there is none.
        others: Per other rater a label per item; an item that one of them left out counts for the rest.
        scale: `interval` weighs a disagreement by the square of its distance.
        apart: Labels as far from every other as two can be, whatever the scale: answers nobody could read.

    Source: Cohen (1960); Cohen, Weighted kappa, Psychological Bulletin 70 (1968).

    """
    for other in others:
        _same_items(one, other)
    labels = _labels([*one, *(label for other in others for label in other)])
    distance, size = _distances(labels, scale, apart), len(labels)
    place = {label: number for number, label in enumerate(labels)}
    joint = np.zeros((len(one), len(others), size, size))
    for rater, other in enumerate(others):
        for item, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            if mine is not None and theirs is not None:
                joint[item, rater, place[mine], place[theirs]] = 1

    def of_sums(sums: Array) -> Array:
        tables = sums.reshape(len(sums), len(others), size, size)
        return np.asarray(_chance_corrected(tables, distance).mean(axis=1), dtype=np.float64)

    return Coefficient("cohen_kappa", joint.reshape(len(one), -1), of_sums)


def averaged(members: Sequence[Coefficient]) -> Coefficient:
    """The mean of coefficients over the same items."""
    ends = np.cumsum([member.features.shape[1] for member in members])[:-1]

    def of_sums(sums: Array) -> Array:
        parts = np.split(sums, ends, axis=1)
        found = [member.of_sums(part) for member, part in zip(members, parts, strict=True)]
        return np.asarray(np.mean(found, axis=0), dtype=np.float64)

    return Coefficient(members[0].name, np.hstack([member.features for member in members]), of_sums)


def fleiss_kappa(units: Sequence[Labels]) -> Coefficient:
    """Agreement of a fixed number of raters per item, whoever they are, above chance.

    Raises:
        EmptySample: No items.
        ValueError: Items have different numbers of labels, or fewer than two.

    Source: Fleiss, Psychological Bulletin 76 (1971).

    """
    if not units:
        raise EmptySample("fleiss_kappa")
    raters = len(units[0])
    if raters < 2 or any(len(unit) != raters for unit in units):
        raise ValueError("every item needs the same number of labels, at least two; use krippendorff_alpha")
    labels = _labels([label for unit in units for label in unit])
    counts = np.array([[Counter(unit)[label] for label in labels] for unit in units], dtype=np.float64)
    agreeing = ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1))

    def of_sums(sums: Array) -> Array:
        items = sums[:, :1]
        by_chance = ((sums[:, 2:] / (items * raters)) ** 2).sum(axis=1)
        return _ratio(sums[:, 1] / items[:, 0] - by_chance, 1 - by_chance)

    return Coefficient("fleiss_kappa", np.column_stack([np.ones(len(units)), agreeing, counts]), of_sums)


def krippendorff(units: Sequence[Unit], *, scale: Scale = "nominal") -> Coefficient:
    """Alpha over items with any number of labels each; items with fewer than two say nothing and do not count.

    Raises:
        EmptySample: No item has two labels.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011).

    """
    labelled = [[label for label in unit if label is not None] for unit in units]
    if not any(len(unit) > 1 for unit in labelled):
        raise EmptySample("krippendorff_alpha")
    labels = _labels([label for unit in labelled if len(unit) > 1 for label in unit])
    distance, size = _distances(labels, scale), len(labels)
    features = np.array([_coincidences(unit, labels).ravel() for unit in labelled])

    def of_sums(sums: Array) -> Array:
        tables = sums.reshape(len(sums), size, size)
        totals = tables.sum(axis=2)
        n = totals.sum(axis=1)
        by_chance = np.einsum("bi,bj,ij->b", totals, totals, distance)
        return 1 - _ratio((n - 1) * (tables * distance).sum(axis=(1, 2)), by_chance)

    return Coefficient("krippendorff_alpha", features, of_sums)


def krippendorff_alpha(units: Sequence[Unit]) -> float:
    """Nominal alpha of all items; NotEnoughEvidence where only one label occurs."""
    return krippendorff(units).value


def _chance_corrected(tables: Array, distance: Array) -> Array:
    """1 - observed / expected disagreement of joint tables [..., label, label]."""
    n = tables.sum(axis=(-2, -1))
    observed = (tables * distance).sum(axis=(-2, -1))
    expected = np.einsum("...i,...j,ij->...", tables.sum(axis=-1), tables.sum(axis=-2), distance)
    return np.asarray(1 - _ratio(observed * n, expected), dtype=np.float64)


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.full_like(below, np.nan), where=below > 1e-12)


def _coincidences(unit: Labels, labels: Labels) -> Array:
    counts = np.array([Counter(unit)[label] for label in labels], dtype=np.float64)
    if len(unit) < 2:
        return np.zeros((len(labels), len(labels)))
    return np.asarray((np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1), dtype=np.float64)


def _distances(labels: Labels, scale: Scale, apart: Labels = ()) -> Array:
    """How far labels are apart, 0 to 1; None stands for no label and is never counted."""
    far = np.array([label in apart for label in labels])
    distance = 1 - np.eye(len(labels))
    if scale == "interval":
        values = np.array([0.0 if is_far else _number(label) for label, is_far in zip(labels, far, strict=True)])
        span = np.ptp(values[~far]) if (~far).any() else 0.0
        squared = (values[:, None] - values[None, :]) ** 2 / (span**2 or 1.0)
        distance = np.where(far[:, None] | far[None, :], distance, squared)
    return np.asarray(distance, dtype=np.float64)


def _number(label: Any) -> float:
    return float(label)


def _labels(found: Sequence[Hashable | None]) -> list[Hashable]:
    return list(dict.fromkeys(label for label in found if label is not None))


def _places(clusters: Sequence[Hashable] | None, items: int) -> list[int]:
    if clusters is None:
        return list(range(items))
    if len(clusters) != items:
        raise ValueError(f"{len(clusters)} clusters are not of {items} items")
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(cluster, len(numbers)) for cluster in clusters]


def _same_items(one: Sequence[object], other: Sequence[object]) -> None:
    if len(one) != len(other):
        raise ValueError(f"{len(one)} and {len(other)} labels are not of the same items")
    if not one:
        raise EmptySample("agreement")
