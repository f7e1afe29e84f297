"""Stretches of text that hold personal data, and how recognisers join."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pydantic import Field

from luthier.domain.value import Value
from luthier.registry import Registry

LEAST_SCORE = 0.4
"""From here a span counts: a pattern that is weak alone gets there by a word before it that says what it is."""


class Span(Value):
    """One piece of personal data: characters `start` up to, not including, `end`."""

    start: int = Field(ge=0)
    end: int = Field(gt=0)
    entity: str
    score: float = Field(gt=0, le=1)


class Found(NamedTuple):
    """A stretch that a recogniser takes for an entity, and how sure it is, in (0, 1]."""

    start: int
    end: int
    score: float


Recogniser = Callable[[str], Iterator[Found]]
pii_recognisers: Registry[Recogniser] = Registry("pii_recogniser")
"""Under the name of the entity that each finds."""

gates: dict[str, tuple[str, ...]] = {}
"""Entity -> patterns of which each occurs in every text that holds it, the cheapest first; a plug-in needs none.

They are read by Rust's regex engine, over texts whose digits are all ASCII: no look-around, no back-references."""

DIGITS = r"(?-u)[0-9][0-9 ().\-/]{5}"
"""Six characters of a number: the first need of most kinds of number, so that it is looked for once."""


def recogniser(entity: str, *needs: str) -> Callable[[Recogniser], Recogniser]:
    """A decorator that registers the recogniser of `entity` with the patterns that its texts cannot be without."""
    gates[entity] = needs
    return pii_recognisers.add(entity)


def every(pattern: re.Pattern[str], text: str, score: float) -> Iterator[Found]:
    """Each match of `pattern`, with the same score."""
    return (Found(match.start(), match.end(), score) for match in pattern.finditer(text))


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
            span = surer.model_copy(update={"start": last.start, "end": max(last.end, span.end)})  # noqa: PLW2901
        merged.append(span)
    return merged
