"""Rows that say what an earlier row says already."""

from collections.abc import Sequence

from pydantic import Field

from luthier.data.compare import Side, Sides, figures_of
from luthier.data.types import Dropped
from luthier.domain.examples import Example
from luthier.domain.value import Value


class Deduplicated(Value):
    """The first row of every cluster, the others as dropped, and the clusters by their first row."""

    kept: tuple[Example, ...]
    dropped: tuple[Dropped, ...]
    clusters: dict[str, tuple[str, ...]] = Field(description="First row -> rows left out because of it.")


def drop_duplicates(rows: Sequence[Example], *, near_threshold: float, compared: Sides | None = None) -> Deduplicated:
    """The rows that differ in question or answer; of each cluster the first stays.

    Exact: equal conversations once case and spacing are folded. Near: questions that share their telling words, no
    figure replaced by another, and the same answer.
    """
    sides = compared or Sides(rows)
    first = _exact_firsts(sides.sides)
    why: dict[int, tuple[int, str]] = {place: (of, "exact_duplicate") for place, of in first.items()}
    for one, other in sides.close_pairs:
        if one in why or other in why:
            continue
        if _is_near(sides, sides.sides[one], sides.sides[other], near_threshold):
            why[other] = (one, "near_duplicate")
    clusters: dict[str, tuple[str, ...]] = {}
    for place, (of, _) in sorted(why.items()):
        head = rows[_head(of, why)].id
        clusters[head] = (*clusters.get(head, ()), rows[place].id)
    dropped = [Dropped(id=rows[place].id, reason=why[place][1], detail=rows[why[place][0]].id) for place in sorted(why)]
    kept = tuple(row for place, row in enumerate(rows) if place not in why)
    return Deduplicated(kept=kept, dropped=tuple(dropped), clusters=clusters)


def _exact_firsts(sides: Sequence[Side]) -> dict[int, int]:
    """Place of each repeated conversation -> place of its first."""
    seen: dict[tuple[str, str], int] = {}
    return {place: of for place, side in enumerate(sides) if (of := seen.setdefault(_key(side), place)) != place}


def _key(side: Side) -> tuple[str, str]:
    return side.folded, side.answer


def _is_near(sides: Sides, one: Side, other: Side, threshold: float) -> bool:
    if not sides.same_answer(one, other, threshold):
        return False
    mine, theirs = figures_of(one.bag - other.bag), figures_of(other.bag - one.bag)
    return not (mine and theirs) and sides.overlap(one, other) >= threshold


def _head(place: int, why: dict[int, tuple[int, str]]) -> int:
    while place in why:
        place = why[place][0]
    return place
