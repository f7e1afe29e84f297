"""Where a text holds personal data."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from luthier.text.normalise import Visible, visible
from luthier.text.pii.spans import LEAST_SCORE, Span, pii_recognisers, without_overlaps


class Names(Protocol):
    """Finds names and places in shown texts; the bundled tagger or a model of Hugging Face."""

    def find(self, texts: Sequence[str]) -> Sequence[Iterable[tuple[int, int, str, float]]]:
        """For each text: start, end, entity and score of each name, in order and without overlaps."""


def find_pii(
    text: str, *, least: float = LEAST_SCORE, names: Names | None = None, alone: Collection[str] = ()
) -> tuple[Span, ...]:
    """Every span of at least the score `least`, in order and without overlaps; names and places only with `names`.

    The entities `alone` count at any score, without the word before them that says what they are: with `DATE_TIME`
    among them every day is found, not births only.

    Where recognisers overlap, the surer one names the whole stretch that they cover together, so no tail stays behind.
    """
    shown = visible(text)
    named = spans_of_names(names.find([shown.text])[0]) if names else []
    return spans_in(shown, pii_recognisers, named, least, alone)


def spans_in(
    shown: Visible, entities: Iterable[str], named: Collection[Span], least: float, alone: Collection[str] = ()
) -> tuple[Span, ...]:
    """The spans of `entities` and those of `named`, in places of the original text."""
    spans = [
        Span(start, end, entity, score)
        for entity in entities
        for start, end, score in pii_recognisers.get(entity)(shown.text)
        if score >= least or entity in alone
    ]
    if not spans and not named:
        return ()
    merged = without_overlaps([*spans, *_beside(spans, named)])
    return tuple(merged) if shown.origin is None else tuple(_in_original(span, shown) for span in merged)


def _in_original(span: Span, shown: Visible) -> Span:
    start, end = shown.span_in_original(span.start, span.end)
    return span._replace(start=start, end=end)


def spans_of_names(found: Iterable[tuple[int, int, str, float]]) -> list[Span]:
    """What a `Names` found in one text, as spans."""
    return [Span(*one) for one in found]


def _beside(spans: Sequence[Span], named: Collection[Span]) -> list[Span]:
    """Names that no pattern lies in: a pattern knows what it found, and a name in an e-mail address is part of it."""
    return [one for one in named if not any(s.start < one.end and one.start < s.end for s in spans)]
