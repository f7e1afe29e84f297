"""The frozen benchmark: drawn once, known again ever after, and guarded against rows that give it away."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import pdtr  # not scipy.stats: a second at every command's start

from luthier.data.config import DataConfig, SourceConfig
from luthier.data.leakage import CERTAIN, Kind
from luthier.data.plan.shards import Rows
from luthier.data.plan.strata import Strata
from luthier.data.split import Codes, Keys, Mask, draw
from luthier.errors import UserError

ENOUGH_ROWS = 200
"""Fewer gold rows than this cannot tell variants apart that differ by five points."""

_SPARE_ROWS = 20
"""Rows asked about beyond those wanted: one look at all rows costs more than a few rows more in it."""

_CHANCE = 1e-3
_FALSE_FLAGS = 0.01
"""Share of independent rows that the check for look-alikes flags at most (0 to 0.7% on CRM, banking77 and SNIPS)."""

LookAlikes = Callable[[Rows], Mask]
"""Which of these rows resemble any other row of all that were read, duplicates included."""


def gold_source(config: DataConfig) -> SourceConfig | None:
    """The gold file as a source; None where the gold set is drawn.

    Raises:
        UserError: It states no lawful basis and the sources have several.

    """
    if config.gold.path is None:
        return None
    bases = {source.lawful_basis for source in config.sources}
    if config.gold.lawful_basis is None and len(bases) > 1:
        raise UserError(
            "the sources have several lawful bases and the gold file states none", hint="set `data.gold.lawful_basis`"
        )
    basis = config.gold.lawful_basis or config.sources[0].lawful_basis
    return SourceConfig(path=config.gold.path, format=config.gold.format, lawful_basis=basis, preferences="off")


@dataclass(frozen=True)
class DrawnGold:
    """Gold rows, and how many rows could not be gold."""

    gold: Rows
    lookalikes: int


def draw_gold(open_rows: Rows, groups: Keys, strata: Codes, size: int, *, seed: int, alike: LookAlikes) -> DrawnGold:
    """A stratified draw among rows that resemble no other row, so that what resembles a gold row later came later.

    Args:
        open_rows: Places of the rows to draw from.
        groups: The group key of each of them.
        strata: The stratum of each of them; every one gets a row where `size` allows.
        size: Rows wanted.
        seed: Decides the draw.
        alike: Which rows resemble another one; asked of each row once.

    Raises:
        UserError: Too few rows, or none would be left to learn from.

    """
    barred, asked = np.zeros((2, len(open_rows)), dtype=np.bool_)
    drawn = draw(groups, strata, size, seed=seed, every_stratum=True)
    while not asked[drawn.chosen].all():
        more = min(size + max(_SPARE_ROWS, size // 2), int((~barred).sum()))
        reserve = draw(groups, strata, more, seed=seed, barred=barred, every_stratum=True).chosen
        fresh = np.flatnonzero((drawn.chosen | reserve) & ~asked)
        asked[fresh] = True
        barred[fresh] = alike(open_rows[fresh])
        drawn = draw(groups, strata, size, seed=seed, barred=barred, every_stratum=True)
    if (drawn.chosen | drawn.companions).all():
        raise UserError("the gold set takes every row and leaves none to learn from", hint="lower `gold.size`")
    return DrawnGold(open_rows[drawn.chosen], int(barred.sum()))


def what_is_missing(gold: Rows, strata: Strata, tags: Sequence[str], input_types: Collection[str] = ()) -> list[str]:
    """What a gold set lacks to be trusted: rows, strata of the data, kinds of input.

    Args:
        gold: Places of the gold rows.
        strata: The strata of all rows.
        tags: The tags that make a stratum.
        input_types: Kinds of input that the charter names; each should be the value of a tag.

    """
    told = []
    if len(gold) < ENOUGH_ROWS:
        told.append(f"{ENOUGH_ROWS - len(gold)} rows: it has {len(gold)}, and differences need {ENOUGH_ROWS}")
    covered = np.bincount(strata.codes[gold], minlength=len(strata.values)).tolist()
    present = np.bincount(strata.codes, minlength=len(strata.values)).tolist()
    for values, rows, of in zip(strata.values, covered, present, strict=True):
        if of and not rows and tags:
            named = ", ".join(f"{tag}={value}" for tag, value in zip(tags, values, strict=True))
            told.append(f"any of the {of} rows of {named}")
    seen = {value for values, rows in zip(strata.values, covered, strict=True) if rows for value in values}
    return told + [f"any row tagged {name!r}, an input type of the charter" for name in sorted({*input_types} - seen)]


def blocking(kinds: Sequence[Kind], natural: float | None) -> bool:
    """Whether overlaps of these kinds refuse the build.

    Args:
        kinds: How each row that was found gives a gold row away.
        natural: How many look-alikes are to be expected, where the gold set came from elsewhere and some are natural;
            None where it was drawn among rows that resembled none.

    """
    if natural is None or any(kind in CERTAIN for kind in kinds):
        return bool(kinds)
    return bool(kinds) and float(pdtr(len(kinds) - 1, max(natural, 1.0))) >= 1 - _CHANCE


def natural_overlaps(rows: int, sample: int, found: float, size: int) -> float:
    """How many rows resemble `size` others by chance, when `found` resembled a sample; at least what may be flagged."""
    return max(_FALSE_FLAGS * rows, found * size / sample if sample else 0.0)
