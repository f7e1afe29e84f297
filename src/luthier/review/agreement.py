"""How far people agree, and how much of it chance would give."""

from collections import Counter
from collections.abc import Hashable, Sequence

from luthier.errors import EmptySample, NotEnoughEvidence
from luthier.review.types import ReviewState

Labels = Sequence[Hashable]


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
    mine, theirs, n = Counter(one), Counter(other), len(one)
    by_chance = sum(mine[label] * theirs[label] for label in mine) / n**2
    if by_chance == 1.0:
        raise NotEnoughEvidence("both used one label throughout, so kappa is undefined", hint="add harder rows")
    return (percent_agreement(one, other) - by_chance) / (1 - by_chance)


def krippendorff_alpha(units: Sequence[Sequence[Hashable | None]]) -> float:
    """Nominal alpha over items with any number of labels each; None is a missing label.

    Items with fewer than two labels say nothing about agreement and do not count.

    Raises:
        EmptySample: No item has two labels.
        NotEnoughEvidence: Only one label occurs.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), nominal difference.

    """
    labelled = [[label for label in unit if label is not None] for unit in units]
    paired = [unit for unit in labelled if len(unit) > 1]
    if not paired:
        raise EmptySample("krippendorff_alpha")
    totals = Counter(label for unit in paired for label in unit)
    n = sum(totals.values())
    differing_by_chance = n**2 - sum(count**2 for count in totals.values())
    if not differing_by_chance:
        raise NotEnoughEvidence("one label was used throughout, so alpha is undefined", hint="add harder rows")
    differing = sum(_differing_pairs(unit) / (len(unit) - 1) for unit in paired)
    return 1 - (n - 1) * differing / differing_by_chance


def mark_units(state: ReviewState) -> list[list[str]]:
    """The marks of each row with at least two, in the order they were made."""
    return [[mark.mark for mark in row.marks] for row in state.rows.values() if len(row.marks) > 1]


def _differing_pairs(unit: Labels) -> int:
    return len(unit) ** 2 - sum(count**2 for count in Counter(unit).values())


def _same_items(one: Labels, other: Labels) -> None:
    if len(one) != len(other):
        raise ValueError(f"{len(one)} and {len(other)} labels are not of the same items")
    if not one:
        raise EmptySample("agreement")
