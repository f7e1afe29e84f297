"""Rows that ask the same and teach two answers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.data.compare import Fetch, Side, Sides
from luthier.data.conflicts import Kind, verdict
from luthier.data.openness import Expected, Openness, openness, that_stand_out
from luthier.data.watch import rarity_among
from luthier.domain.examples import Example
from luthier.domain.value import Value
from luthier.errors import Refused
from luthier.text.embeddings import Counts
from luthier.text.rarity import Rarity
from luthier.text.similarity import Space
from luthier.text.tokens import Hashes

_AT_ONCE = 20_000

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
    kind: Kind
    reason: str


@dataclass(frozen=True)
class Verdicts:
    """Pairs of rows that ask the same: those whose answers conflict, and those that only word them differently."""

    conflicts: Sequence[Conflict]
    worded: Pairs

    @classmethod
    def joined(cls, parts: Iterable["Verdicts"]) -> "Verdicts":
        """All verdicts of all parts, in their order."""
        told = list(parts)
        worded = [part.worded for part in told] or [np.empty((0, 2), dtype=np.int64)]
        return cls([conflict for part in told for conflict in part.conflicts], np.concatenate(worded))


def find_contradictions(
    rows: Sequence[Example], *, near_threshold: float, compared: Sides | None = None
) -> tuple[Contradiction, ...]:
    """Pairs with the same question, or nearly so, and answers that conflict.

    Where answers do not follow from the questions anyway (`openness`), those alone that stand out.
    """
    sides = compared or Sides(rows)
    close = np.array(sides.close_pairs, dtype=np.int64).reshape(-1, 2)
    pairs = worth_comparing(sides.question_keys, sides.asked.answers, close)
    told = verdicts(pairs, sides.fetch, lambda _: sides.rarity, near_threshold=near_threshold)

    def expected() -> Expected:
        sample = Expected.sample(sides.question_keys)
        return Expected(sample, sides.fetch(sample), Space(sides.corpus), sides.corpus.counts)

    found, _ = settled(told, sides.fetch, expected)
    return tuple(Contradiction(first=rows[c.first].id, second=rows[c.second].id, reason=c.reason) for c in found)


def refuse(contradictions: Sequence[Contradiction]) -> None:
    """Nothing when there are none; else a refusal that names every row."""
    if contradictions:
        listed = "".join(f"\n  {c.first} and {c.second}: {c.reason}" for c in contradictions)
        raise Refused(
            f"{len(contradictions)} pairs of rows contradict each other:{listed}",
            hint="mend the rows, decide with `luthier data resolve FIRST SECOND`, set `contradictions: drop`, or "
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


def verdicts(
    pairs: Pairs, fetch: Fetch, rarity_of: Callable[[Iterable[Side]], Rarity], *, near_threshold: float
) -> Verdicts:
    """What is to be said of those of `pairs` that ask the same, in order.

    Args:
        pairs: Row numbers, shape [pairs, 2], as `worth_comparing` gives them.
        fetch: Reads rows by number; asked for some ten thousand at a time.
        rarity_of: The weight of words; told the rows at hand.
        near_threshold: Shared telling words, in [0, 1], from which two questions are nearly the same.

    """
    found: list[Conflict] = []
    worded: list[tuple[int, int]] = []
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        numbers = np.unique(part)
        sides = dict(zip(numbers.tolist(), map(Side, fetch(numbers)), strict=True))
        rarity = rarity_of(sides.values())
        for first, second in part.tolist():
            said = verdict(sides[first], sides[second], rarity, near_threshold)
            if said and said.kind == "worded":
                worded.append((first, second))
            elif said:
                found.append(Conflict(first=first, second=second, kind=said.kind, reason=said.reason))
    return Verdicts(found, np.array(worded, dtype=np.int64).reshape(-1, 2))


def verdicts_in_corpus(pairs: Pairs, fetch: Fetch, counts: Counts, *, near_threshold: float) -> Verdicts:
    """`verdicts`, with words weighed by how many rows of the corpus hold them."""
    return verdicts(pairs, fetch, lambda sides: rarity_among(counts, sides), near_threshold=near_threshold)


def settled(told: Verdicts, fetch: Fetch, expected: Callable[[], Expected]) -> tuple[list[Conflict], Openness]:
    """The conflicts that count, in order, and how far answers follow from questions.

    Args:
        told: All verdicts.
        fetch: Reads rows by number.
        expected: What answers are to be expected; asked for only where answers do not follow from questions.

    """
    texts = [conflict for conflict in told.conflicts if conflict.kind in _TEXTS]
    pairs = np.array([(c.first, c.second) for c in texts], dtype=np.int64).reshape(-1, 2)
    strange = np.array([c.kind == "strange" for c in texts], dtype=np.bool_)
    found = openness(told.worded, pairs, strange)
    if not found.is_open or not texts:
        return list(told.conflicts), found
    kept = that_stand_out(told.worded, pairs, fetch, expected())
    gone = {id(conflict) for conflict, keep in zip(texts, kept.tolist(), strict=True) if not keep}
    return [conflict for conflict in told.conflicts if id(conflict) not in gone], found


_TEXTS = frozenset({"strange", "figures", "denial"})
"""Conflicts of free texts; labels and calls always follow from what is asked."""
