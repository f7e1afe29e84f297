"""Two rows side by side: whether they ask the same, and whether both answers can be right."""

import json
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from luthier.data.compare import Side, difference, figures_of
from luthier.data.plain import plain_words
from luthier.domain.value import Json
from luthier.text.rarity import Rarity, has_figure, overlap
from luthier.text.rephrasing import DENIALS, Wording, coverage

Kind = Literal["worded", "strange", "figures", "denial", "label", "call", "preference"]
"""How the answers of two rows that ask the same differ; only `worded` lets both be right."""

_LABEL_WORDS, _STRANGERS, _COVERED, _SHORT, _ALIKE = 3, 0.15, 0.4, 25, 0.4
_ON_TOPIC, _SPEAKS, _SILENT = 0.5, 0.6, 0.3
"""Shares of a question's telling words: from which two answers may both be right, and from which on one answer speaks
of it while another, below the last, does not (in MedQuAD 95% of natural answers lie above .43, strangers' at .16)."""
_SAYS_MORE = 0.15
"""A word more weighs much in a short question, so words that were only added may make more of a difference."""
_SHOWN = 40


class Verdict(NamedTuple):
    """How two rows that ask the same, or nearly so, differ in their answers, in words that a person can read."""

    kind: Kind
    reason: str


def verdict(one: Side, other: Side, rarity: Rarity, near_threshold: float) -> Verdict | None:
    """What is to be said of two rows with different answers; None where they do not ask the same or do not differ.

    A difference between the questions that shows again in the answers explains them: `call on Monday` and `call on
    Tuesday` may well differ. Figures, and words as rare as a name, count as such a difference by themselves; so does
    another system prompt.
    """
    if one.answer == other.answer or one.briefed != other.briefed:
        return None
    how = _alike(one, other, rarity, near_threshold)
    if not how:
        return None
    found = _conflict(one, other, rarity)
    return Verdict(found.kind, f"{how}, but {found.reason}") if found else Verdict("worded", how)


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


def _conflict(one: Side, other: Side, rarity: Rarity) -> Verdict | None:
    """Why two different answers cannot both be right; None where they can."""
    if one.call is not None or other.call is not None:
        return Verdict("call", f"the calls differ{_calls_apart(one.call, other.call)}")
    if _is_label(one) and _is_label(other):
        if one.answer_bag == other.answer_bag:
            return None
        return Verdict("label", f"the labels differ: {_shown(one.row.ideal)} and {_shown(other.row.ideal)}")
    return _conflict_of_texts(one, other, rarity)


def _is_label(side: Side) -> bool:
    """Whether an answer names a class rather than saying something: few words, or one without spaces."""
    return len(side.row.ideal.split()) <= _LABEL_WORDS


def _conflict_of_texts(one: Side, other: Side, rarity: Rarity) -> Verdict | None:
    short = max(one.answer_bag.total(), other.answer_bag.total()) <= _SHORT
    alike = _without_figures(one, other, rarity) >= _ALIKE
    mine, theirs = (set(figures_of(side.answer_bag)) for side in (one, other))
    if (short or alike) and mine - theirs and theirs - mine:  # an answer may also just say more
        told = f"the answers state different figures: {_listed(mine - theirs)} and {_listed(theirs - mine)}"
        return Verdict("figures", told)
    if alike and DENIALS.isdisjoint(one.answer_bag) != DENIALS.isdisjoint(other.answer_bag):
        return Verdict("denial", "one answer denies what the other states")
    return _strangers(one, other, rarity)


def _strangers(one: Side, other: Side, rarity: Rarity) -> Verdict | None:
    """Two answers that have nothing to do with each other."""
    shared = overlap(one.answer_bag, other.answer_bag, rarity)
    if shared >= _STRANGERS:
        return None
    silent, speaks = sorted((_on_topic(one, rarity), _on_topic(other, rarity)))
    if speaks >= _SPEAKS and silent <= _SILENT:
        return Verdict("strange", f"only one of the answers speaks of it ({speaks:.0%} and {silent:.0%} of its words)")
    if silent >= _ON_TOPIC:
        return None
    said, told = Wording(tuple(one.answer_bag)), Wording(tuple(other.answer_bag))
    if said.words and told.words and max(coverage(said, told, rarity)) >= _COVERED:
        return None
    return Verdict("strange", f"the answers share next to nothing ({shared:.0%} of their telling words)")


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


def _listed(figures: set[str]) -> str:
    return _shown(", ".join(sorted(figures)))


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[: _SHOWN - 1]}\u2026"'
