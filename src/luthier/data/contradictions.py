"""Rows that ask the same and teach two answers."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from luthier.data.compare import Fetch, Side, Sides, difference, figures_of
from luthier.data.plain import plain_words
from luthier.data.watch import rarity_among
from luthier.domain.examples import Example
from luthier.domain.value import Json, Value
from luthier.errors import Refused
from luthier.text.embeddings import Counts
from luthier.text.rarity import Rarity, has_figure, overlap
from luthier.text.rephrasing import DENIALS, Wording, coverage
from luthier.text.tokens import Hashes

_LABEL_WORDS, _STRANGERS, _COVERED, _SHORT, _ALIKE, _ON_TOPIC = 3, 0.15, 0.4, 25, 0.4, 0.5
_SAYS_MORE = 0.15
"""A word more weighs much in a short question, so words that were only added may make more of a difference."""
_SHOWN, _AT_ONCE = 40, 20_000

Pairs = NDArray[np.int64]


class Contradiction(Value):
    """Two rows and why both cannot be right."""

    first: str
    second: str
    reason: str


class Conflict(Value):
    """The same by row number."""

    first: int
    second: int
    reason: str


def find_contradictions(
    rows: Sequence[Example], *, near_threshold: float, compared: Sides | None = None
) -> tuple[Contradiction, ...]:
    """Pairs with the same question, or nearly so, and answers that conflict.

    A difference between the questions that shows again in the answers explains them: `call on Monday` and `call on
    Tuesday` may well differ. Figures, and words as rare as a name, count as such a difference by themselves.
    """
    sides = compared or Sides(rows)
    close = np.array(sides.close_pairs, dtype=np.int64).reshape(-1, 2)
    pairs = worth_comparing(sides.question_keys, sides.asked.answers, close)
    found = conflicts(pairs, sides.fetch, lambda _: sides.rarity, near_threshold=near_threshold)
    return tuple(Contradiction(first=rows[c.first].id, second=rows[c.second].id, reason=c.reason) for c in found)


def refuse(contradictions: Sequence[Contradiction]) -> None:
    """Nothing when there are none; else a refusal that names every row."""
    if contradictions:
        listed = "".join(f"\n  {c.first} and {c.second}: {c.reason}" for c in contradictions)
        raise Refused(
            f"{len(contradictions)} pairs of rows contradict each other:{listed}",
            hint="mend or remove one row of each pair, or set `contradictions: drop` to leave both out; "
            "`preferences: alone` on a source whose answers are only the better ones of two",
        )


def worth_comparing(questions: Hashes, answers: Hashes, close: Pairs) -> Pairs:
    """Pairs of rows with different answers, lower first: of one question its first row and each other; and close ones.

    Args:
        questions: A key per row, equal for equal questions (`Tokens.in_any_order`).
        answers: A key per row, equal for equal answers (`Asked.answers`).
        close: Pairs of rows whose questions may be nearly the same, shape [pairs, 2].

    """
    order = np.argsort(questions, kind="stable")
    starts = np.flatnonzero(np.r_[True, questions[order][1:] != questions[order][:-1]]) if len(order) else order
    heads = np.repeat(order[starts], np.diff(np.r_[starts, len(order)]))
    pairs = np.concatenate([np.stack([heads, order], axis=1), np.sort(close, axis=1)])
    pairs = pairs[answers[pairs[:, 0]] != answers[pairs[:, 1]]]
    return np.unique(pairs, axis=0)


def conflicts(
    pairs: Pairs, fetch: Fetch, rarity_of: Callable[[Iterable[Side]], Rarity], *, near_threshold: float
) -> list[Conflict]:
    """Those of `pairs` that contradict each other, in order, each with a reason that a person can read.

    Args:
        pairs: Row numbers, shape [pairs, 2], as `worth_comparing` gives them.
        fetch: Reads rows by number; asked for some ten thousand at a time.
        rarity_of: The weight of words; told the rows at hand.
        near_threshold: Shared telling words, in [0, 1], from which two questions are nearly the same.

    """
    found: list[Conflict] = []
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        numbers = np.unique(part)
        sides = dict(zip(numbers.tolist(), map(Side, fetch(numbers)), strict=True))
        rarity = rarity_of(sides.values())
        for first, second in part.tolist():
            if why := _why(sides[first], sides[second], rarity, near_threshold):
                found.append(Conflict(first=first, second=second, reason=why))
    return found


def conflicts_in_corpus(pairs: Pairs, fetch: Fetch, counts: Counts, *, near_threshold: float) -> list[Conflict]:
    """`conflicts`, with words weighed by how many rows of the corpus hold them."""
    return conflicts(pairs, fetch, lambda sides: rarity_among(counts, sides), near_threshold=near_threshold)


def _why(one: Side, other: Side, rarity: Rarity, threshold: float) -> str | None:
    if one.answer == other.answer or not (how := _alike(one, other, rarity, threshold)):
        return None
    conflict = _conflict(one, other, rarity)
    return f"{how}, but {conflict}" if conflict else None


def _alike(one: Side, other: Side, rarity: Rarity, threshold: float) -> str | None:
    """Why two questions count as one; None where they do not."""
    apart = difference(one.bag, other.bag)
    if not apart:
        return "the questions are the same" if _same_order(one.words, other.words) else None
    if any(has_figure(word) for word in apart) or _explained(apart, one, other):
        return None
    one_says_more = not (one.bag - other.bag and other.bag - one.bag)
    shared = overlap(one.bag, other.bag, rarity)
    enough = threshold - _SAYS_MORE if one_says_more else threshold
    return f"the questions are nearly the same ({shared:.0%})" if shared >= enough else None


def _same_order(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether the words stand in the same order, but for two neighbours that changed places."""
    moved = [place for place, (word, twin) in enumerate(zip(one, other, strict=True)) if word != twin]
    return not moved or (len(moved) == 2 and moved[1] - moved[0] == 1)


def _explained(apart: set[str], one: Side, other: Side) -> bool:
    """Whether a word that only one question holds begins like one that only one answer holds."""
    mine, theirs = (set(_parts(side.row.ideal)) for side in (one, other))
    return bool({word[:4] for word in apart} & {word[:4] for word in mine ^ theirs})


def _parts(text: str) -> list[str]:
    return [part for word in plain_words(text.replace("_", " ")) for part in word.split("'")]


def _conflict(one: Side, other: Side, rarity: Rarity) -> str | None:
    """Why two different answers cannot both be right; None where they can."""
    if one.call is not None or other.call is not None:
        return f"the calls differ{_calls_apart(one.call, other.call)}"
    if _is_label(one) and _is_label(other):
        if one.answer_bag == other.answer_bag:
            return None
        return f"the labels differ: {_shown(one.row.ideal)} and {_shown(other.row.ideal)}"
    return _conflict_of_texts(one, other, rarity)


def _is_label(side: Side) -> bool:
    """Whether an answer names a class rather than saying something: few words, or one without spaces."""
    return len(side.row.ideal.split()) <= _LABEL_WORDS


def _conflict_of_texts(one: Side, other: Side, rarity: Rarity) -> str | None:
    shared = overlap(one.answer_bag, other.answer_bag, rarity)
    short = max(one.answer_bag.total(), other.answer_bag.total()) <= _SHORT
    alike = _without_figures(one, other, rarity) >= _ALIKE
    mine, theirs = figures_of(one.answer_bag), figures_of(other.answer_bag)
    if (short or alike) and mine and theirs and mine != theirs:
        return f"the answers state different figures: {_only(mine, theirs)} and {_only(theirs, mine)}"
    if alike and DENIALS.isdisjoint(one.answer_bag) != DENIALS.isdisjoint(other.answer_bag):
        return "one answer denies what the other states"
    if shared >= _STRANGERS or min(_on_topic(one, rarity), _on_topic(other, rarity)) >= _ON_TOPIC:
        return None
    said, told = Wording(tuple(one.answer_bag)), Wording(tuple(other.answer_bag))
    if said.words and told.words and max(coverage(said, told, rarity)) >= _COVERED:
        return None
    return f"the answers share next to nothing ({shared:.0%} of their telling words)"


def _without_figures(one: Side, other: Side, rarity: Rarity) -> float:
    mine, theirs = (
        {word: count for word, count in side.answer_bag.items() if not has_figure(word)} for side in (one, other)
    )
    return overlap(mine, theirs, rarity)


def _on_topic(side: Side, rarity: Rarity) -> float:
    """Share of the question's telling words that come back in the answer; two such answers may both be right."""
    weights = {word: rarity.weight(word) for word in side.bag}
    return sum(weight for word, weight in weights.items() if word in side.answer_bag) / sum(weights.values())


def _calls_apart(one: Json | None, other: Json | None) -> str:
    """Where two calls differ first."""
    if one is None or other is None:
        return ": only one answer is a call"
    path, mine, theirs = _first_apart(one, other, ())
    return f"{' in ' + '.'.join(path) if path else ''}: {_shown(_text(mine))} and {_shown(_text(theirs))}"


def _first_apart(one: Json, other: Json, path: tuple[str, ...]) -> tuple[tuple[str, ...], Json, Json]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            if one.get(key) != other.get(key):
                return _first_apart(one.get(key), other.get(key), (*path, key))
    return path, one, other


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _only(mine: Mapping[str, int], theirs: Mapping[str, int]) -> str:
    return _shown(", ".join(sorted(set(mine) - set(theirs))) or "none of them")


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[: _SHOWN - 1]}\u2026"'
