"""Rows that ask the same and teach two answers."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from luthier.data.compare import Side, Sides, difference, figures_of
from luthier.domain.examples import Example
from luthier.domain.value import Value
from luthier.errors import Refused
from luthier.text.normalise import fold
from luthier.text.rarity import has_figure, overlap

_DENIALS = frozenset(
    "no not never none cannot can't don't doesn't won't isn't nicht kein keine nie niet geen".split()  # noqa: SIM905
)
_LABEL_WORDS, _STRANGERS = 8, 0.15
_SAYS_MORE = 0.15
"""A word of thanks weighs much in a short question, so words that were only added may make more of a difference."""

_PART = re.compile(r"[^\W_]+")


class Contradiction(Value):
    """Two rows and why both cannot be right."""

    first: str
    second: str
    reason: str


def find_contradictions(
    rows: Sequence[Example], *, near_threshold: float, compared: Sides | None = None
) -> tuple[Contradiction, ...]:
    """Pairs with the same question, or nearly so, and answers that conflict.

    A difference between the questions that shows again in the answers explains them: `call on Monday` and `call on
    Tuesday` may well differ. Figures, and words as rare as a name, count as such a difference by themselves.
    """
    sides = compared or Sides(rows)
    found: dict[tuple[int, int], str] = {}
    for one, other in _pairs(sides):
        first, second = sides.sides[one], sides.sides[other]
        conflict = _conflict(sides, first, second)
        if conflict and (how := _alike(sides, first, second, near_threshold)):
            found[one, other] = f"{how}, but {conflict}"
    return tuple(
        Contradiction(first=rows[a].id, second=rows[b].id, reason=why) for (a, b), why in sorted(found.items())
    )


def refuse(contradictions: Sequence[Contradiction]) -> None:
    """Nothing when there are none; else a refusal that names every row."""
    if contradictions:
        listed = "".join(f"\n  {c.first} and {c.second}: {c.reason}" for c in contradictions)
        raise Refused(
            f"{len(contradictions)} pairs of rows contradict each other:{listed}",
            hint="mend or remove one row of each pair, or set `contradictions: drop` to leave both out",
        )


def _pairs(sides: Sides) -> Iterator[tuple[int, int]]:
    """Close pairs, and the first row of each exact question with the others."""
    same: defaultdict[str, list[int]] = defaultdict(list)
    for place, side in enumerate(sides.sides):
        same[side.folded].append(place)
    yield from ((places[0], place) for places in same.values() for place in places[1:])
    yield from sides.close_pairs


def _alike(sides: Sides, one: Side, other: Side, threshold: float) -> str | None:
    if one.folded == other.folded:
        return "the questions are the same"
    apart = difference(one.bag, other.bag)
    if not apart:
        return "the questions are the same" if one.words == other.words else None
    if any(has_figure(word) for word in apart) or _explained(apart, one, other):
        return None
    one_says_more = not (one.bag - other.bag and other.bag - one.bag)
    shared = sides.overlap(one, other)
    enough = threshold - _SAYS_MORE if one_says_more else threshold
    return f"the questions are nearly the same ({shared:.0%})" if shared >= enough else None


def _explained(apart: set[str], one: Side, other: Side) -> bool:
    """Whether a word that only one question holds begins like one that only one answer holds."""
    answers = set(_PART.findall(fold(one.row.ideal))) ^ set(_PART.findall(fold(other.row.ideal)))
    return bool({word[:4] for word in apart} & {word[:4] for word in answers})


def _conflict(sides: Sides, one: Side, other: Side) -> str | None:
    """Why two answers cannot both be right; None where they can."""
    if fold(one.answer) == fold(other.answer):
        return None
    if one.call is not None or other.call is not None:
        return "the calls differ"
    if max(len(one.answer_bag), len(other.answer_bag)) <= _LABEL_WORDS:
        return "the labels differ" if one.answer_bag != other.answer_bag else None
    return _conflict_of_texts(sides, one, other)


def _conflict_of_texts(sides: Sides, one: Side, other: Side) -> str | None:
    mine, theirs = figures_of(one.answer_bag), figures_of(other.answer_bag)
    if mine and theirs and mine != theirs:
        return "the answers state different figures"
    if bool(_DENIALS & one.answer_bag.keys()) != bool(_DENIALS & other.answer_bag.keys()):
        return "one answer denies what the other states"
    shared = overlap(one.answer_bag, other.answer_bag, sides.rarity)
    return "the answers share next to nothing" if shared < _STRANGERS else None
