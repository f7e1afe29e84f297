"""Stretches of text that hold personal data, and how recognisers join."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from luthier.registry import Registry

LEAST_SCORE = 0.4
"""From here a span counts: a pattern that is weak alone gets there by a word before it that says what it is."""


class Span(NamedTuple):
    """One piece of personal data: characters `start` up to, not including, `end`. A text can hold thousands."""

    start: int
    end: int
    entity: str
    score: float
    """How sure it is, in (0, 1]."""


class Found(NamedTuple):
    """A stretch that a recogniser takes for an entity, and how sure it is, in (0, 1]."""

    start: int
    end: int
    score: float


Recogniser = Callable[[str], Iterator[Found]]
pii_recognisers: Registry[Recogniser] = Registry("pii_recogniser")
"""Under the name of the entity that each finds."""


class Gate(NamedTuple):
    """What a text cannot be without if it holds an entity; `batch` looks for it in many texts at once.

    Patterns of which each occurs in such a text, the cheapest first, as Rust's regex engine reads them over texts whose
    digits are all ASCII: no look-around, no back-references.
    """

    needs: tuple[str, ...]
    by_numbers: bool = False
    """Whether all of them lie within the `digits.surroundings` of one number."""

    said: str | None = None
    """What else a text needs for the entity to count: a word that says what a weak number is."""


gates: dict[str, tuple[Gate, ...]] = {}
"""Entity -> its gates, one of which lets each text pass that holds it; a plug-in needs none."""

DIGITS = r"(?-u)[0-9][0-9 ().\-/]{5}"
"""Six characters of a number: the first need of most kinds of number, so that it is looked for once."""


def recogniser(entity: str, *opens: Gate) -> Callable[[Recogniser], Recogniser]:
    """A decorator that registers the recogniser of `entity` with its gates."""
    gates[entity] = opens
    return pii_recognisers.add(entity)


def every(pattern: re.Pattern[str], text: str, score: float) -> Iterator[Found]:
    """Each match of `pattern`, with the same score."""
    return (Found(match.start(), match.end(), score) for match in pattern.finditer(text))


def matches(pattern: re.Pattern[str], text: str, *, start: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """What `pattern.finditer` gives, sooner: `start` matches wherever a match begins, and has no look-behind.

    Python's engine leaps to characters that a pattern can begin with, but not past a look-behind.
    """
    place = 0
    while sign := start.search(text, place):
        match = pattern.match(text, sign.start())
        if match:
            yield match
        place = max(match.end() if match else 0, sign.start() + 1)


def raised(score: float) -> float:
    """A score after a word in front said what the number is."""
    return min(1.0, max(score + 0.35, LEAST_SCORE))


def without_overlaps(spans: Sequence[Span]) -> list[Span]:
    """Spans in order; where some overlap, the surer one names the whole stretch that they cover together."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if merged and span.start < merged[-1].end:
            last = merged.pop()
            surer = max(last, span, key=lambda one: (one.score, one.end - one.start))
            span = surer._replace(start=last.start, end=max(last.end, span.end))  # noqa: PLW2901
        merged.append(span)
    return merged
