"""The frozen benchmark: drawn once, known again ever after, and guarded against rows that give it away."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from luthier.data.compare import Sides
from luthier.data.config import DataConfig, LeakageConfig
from luthier.data.leakage import CERTAIN, Overlap, find_overlaps
from luthier.data.split import draw
from luthier.domain.examples import Example
from luthier.errors import UserError

_MARGIN = 0.9
"""A draw wants more distance than the check afterwards, so that new rows, which shift weights, raise no false alarm."""

_CHANCE = 1e-3
_FALSE_FLAGS = 0.01
"""Share of independent rows that the check for look-alikes flags at most (0 to 0.7% on CRM, banking77 and SNIPS)."""


@dataclass(frozen=True)
class Parted:
    """Gold rows, the rows that may train, and rows of gold groups that may do neither."""

    gold: tuple[Example, ...]
    others: tuple[Example, ...]
    companions: tuple[Example, ...]
    lookalikes: int = 0
    """Rows that could not be gold because another row resembles them."""


def draw_gold(rows: Sequence[Example], sides: Sides, config: DataConfig) -> Parted:
    """A stratified draw among rows that resemble no other row of `sides`, which holds the duplicates too.

    A row with a look-alike is never gold: so that whatever resembles a gold row later was put there later.
    """
    barred: set[str] = set()
    while True:
        drawn = draw(rows, config.gold.size, stratify_by=config.gold.stratify_by, seed=config.seed, barred=barred)
        alike = overlaps_with(drawn.chosen, sides, config.leakage, margin=_MARGIN)
        if not alike:
            break
        barred |= {overlap.gold for overlap in alike}
    beside = {row.id for row in (*drawn.chosen, *drawn.companions)}
    left = tuple(row for row in rows if row.id not in beside)
    if not left:
        raise UserError("the gold set takes every row and leaves none to learn from", hint="lower `gold.size`")
    return Parted(gold=drawn.chosen, others=left, companions=drawn.companions, lookalikes=len(barred))


def part_from_frozen(rows: Sequence[Example], gold: Sequence[Example]) -> Parted:
    """The rows that may train beside a frozen gold set: none of its groups."""
    groups = {row.group for row in gold if row.group is not None}
    return Parted(
        gold=tuple(gold),
        others=tuple(row for row in rows if row.group is None or row.group not in groups),
        companions=tuple(row for row in rows if row.group is not None and row.group in groups),
    )


def overlaps_with(
    gold: Sequence[Example], sides: Sides, config: LeakageConfig, *, margin: float = 1.0
) -> tuple[Overlap, ...]:
    """Rows of `sides` outside the gold set that give it away."""
    return find_overlaps(
        sides,
        sides.places(gold),
        near_threshold=config.near_threshold * margin,
        paraphrase_threshold=config.paraphrase_threshold * margin,
    )


def blocking(overlaps: Sequence[Overlap], natural: float | None) -> tuple[Overlap, ...]:
    """The overlaps that refuse the build: all of them, or none.

    Args:
        overlaps: What was found.
        natural: How many look-alikes are to be expected, where the gold set came from elsewhere and some are natural;
            None where it was drawn among rows that resembled none.

    """
    if natural is None or any(overlap.kind in CERTAIN for overlap in overlaps):
        return tuple(overlaps)
    return tuple(overlaps) if len(overlaps) > stats.poisson.ppf(1 - _CHANCE, max(natural, 1.0)) else ()


def natural_overlaps(rows: Sequence[Example], size: int, config: DataConfig) -> float:
    """How many of `rows` resemble, without being equal to, `size` others; at least the 1% that the check may flag."""
    few = min(size, len(rows) // 3)
    floor = _FALSE_FLAGS * len(rows)
    if few < 1:
        return floor
    drawn = draw(rows, few, seed=config.seed + 1)
    found = overlaps_with(drawn.chosen, Sides(rows), config.leakage)
    return max(floor, sum(overlap.kind not in CERTAIN for overlap in found) * size / few)
