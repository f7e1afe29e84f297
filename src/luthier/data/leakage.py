"""Training rows that give away test rows."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from luthier.data.compare import Side, Sides
from luthier.domain.value import Value
from luthier.errors import Refused
from luthier.text.similarity import standouts

Kind = Literal["verbatim", "edited", "reordered", "near", "paraphrase"]
CERTAIN: frozenset[Kind] = frozenset({"verbatim", "edited", "reordered"})
"""What never happens to two independent rows, except to very short ones."""

_RANK: Mapping[Kind, int] = {"verbatim": 0, "edited": 1, "reordered": 2, "near": 3, "paraphrase": 4}
_SO_NEAR_THAT_ANSWERS_DO_NOT_MATTER = 0.95


class Overlap(Value):
    """One row that is too close to a gold row, and how."""

    row: str
    gold: str
    kind: Kind
    score: float = Field(ge=0, description="Shared telling words for `near`, contrast for `paraphrase`, else 1.")


def find_overlaps(
    sides: Sides, gold: Sequence[int], *, near_threshold: float, paraphrase_threshold: float
) -> tuple[Overlap, ...]:
    """Every row outside `gold` that gives away a row of it, with its closest one, in order.

    Args:
        sides: All rows, gold and others.
        gold: Places of the gold rows.
        near_threshold: Shared telling words, in [0, 1], from which a row with the same answer is `near`.
        paraphrase_threshold: Contrast from which it is a `paraphrase`.

    """
    found = [*_same_words(sides, gold), *_near(sides, gold, near_threshold)]
    found += _paraphrased(sides, gold, paraphrase_threshold)
    best: dict[int, tuple[int, float, int, Kind]] = {}
    for place, of, kind, score in found:
        told = (_RANK[kind], -score, of, kind)
        best[place] = min(best.get(place, told), told)
    ids = [side.row.id for side in sides.sides]
    return tuple(
        Overlap(row=ids[place], gold=ids[of], kind=kind, score=round(-minus, 4))
        for place, (_, minus, of, kind) in sorted(best.items())
    )


def refuse(overlaps: Sequence[Overlap]) -> None:
    """Nothing when there are none; else a refusal that names every row."""
    if overlaps:
        listed = "".join(f"\n  {o.row} repeats gold row {o.gold} ({o.kind}, {o.score:.2f})" for o in overlaps)
        raise Refused(
            f"{len(overlaps)} training rows give away gold rows and would void every figure measured on them:{listed}",
            hint="remove these rows from the sources",
        )


Hit = tuple[int, int, Kind, float]


def _same_words(sides: Sides, gold: Sequence[int]) -> list[Hit]:
    """Rows with the words of a gold row, in any case, spacing and order."""
    inside = set(gold)
    known = {frozenset(sides.sides[place].bag.items()): place for place in gold}
    return [
        (place, of, _how(sides.sides[of], side), 1.0)
        for place, side in enumerate(sides.sides)
        if place not in inside and (of := known.get(frozenset(side.bag.items()))) is not None
    ]


def _how(gold: Side, row: Side) -> Kind:
    if gold.asked == row.asked:
        return "verbatim"
    return "edited" if gold.words == row.words else "reordered"


def _near(sides: Sides, gold: Sequence[int], threshold: float) -> list[Hit]:
    hits: list[Hit] = []
    for of, place in sides.close_pairs_across(gold):
        one, other = sides.sides[of], sides.sides[place]
        shared = sides.overlap(one, other)
        sure = shared >= _SO_NEAR_THAT_ANSWERS_DO_NOT_MATTER or sides.same_answer(one, other, threshold)
        if shared >= threshold and sure:
            hits.append((place, of, "near", shared))
    return hits


def _paraphrased(sides: Sides, gold: Sequence[int], threshold: float) -> list[Hit]:
    inside = set(gold)
    pool = [place for place in range(len(sides.sides)) if place not in inside]
    answers = [side.answer for side in sides.sides]
    pairs = standouts(sides.vectors, answers, probes=gold, pool=pool, threshold=threshold)
    return [(pair.row, pair.probe, "paraphrase", pair.score) for pair in pairs]
