"""Many texts at once: what most of them cannot hold is ruled out in one pass of a fast regex engine."""

import re
from collections.abc import Collection, Iterable, Sequence

import polars as pl
import pyarrow as pa

from luthier.text.normalise import Visible, rewritten, visible
from luthier.text.pii.digits import surroundings
from luthier.text.pii.find import Names, spans_in, spans_of_names
from luthier.text.pii.spans import LEAST_SCORE, Gate, Span, gates, pii_recognisers

_OTHER = re.compile("(?![0-9])\\d|[\u0130\u0131]")
_OTHER_IN_RUST = "[\\p{Nd}--[0-9]]|[\u0130\u0131]"
_OPEN = Gate(())
_AT_ONCE = 20_000
"""Texts whose shown forms are held at a time."""


def find_pii_batch(
    texts: Sequence[str] | pa.Array, *, names: Names | None = None, alone: Collection[str] = ()
) -> list[tuple[Span, ...]]:
    """The spans of each text, as `find_pii` gives them one by one. An Arrow array holds strings, no nulls."""
    found: list[tuple[Span, ...]] = []
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        found += _find(part.to_pylist() if isinstance(part, pa.Array | pa.ChunkedArray) else part, names, alone)
    return found


def _find(texts: Sequence[str], names: Names | None, alone: Collection[str]) -> list[tuple[Span, ...]]:
    column = pl.Series("text", texts, dtype=pl.String)
    shown = [Visible(text, None) for text in texts]
    changed = _holding(rewritten().pattern, column)
    for place in changed:
        shown[place] = visible(texts[place])
    column = column.scatter(changed, [shown[place].text for place in changed]) if len(changed) else column
    named = names.find([one.text for one in shown]) if names else None
    possible = _possible(column, alone)
    if named is None:
        spans: list[tuple[Span, ...]] = [()] * len(texts)
        for place, entities in possible.items():
            spans[place] = spans_in(shown[place], entities, (), LEAST_SCORE, alone)
        return spans
    return [
        spans_in(one, possible.get(place, ()), spans_of_names(named[place]), LEAST_SCORE, alone)
        for place, one in enumerate(shown)
    ]


def _possible(column: pl.Series, alone: Collection[str]) -> dict[int, list[str]]:
    """Place of a text -> the entities that it may hold; texts that hold none are missing."""
    column = _plain_digits(column)
    cut = surroundings(column.to_arrow())
    numbers = _Sieve(pl.Series("text", cut.pieces), pl.Series("row", cut.rows))
    wholes = _Sieve(column, None)
    possible: dict[int, list[str]] = {}
    for entity in pii_recognisers:
        opens = gates.get(entity, (_OPEN,))
        places: set[int] = set()
        for gate in opens:
            said = () if gate.said is None or entity in alone else (gate.said,)
            places.update((numbers if gate.by_numbers else wholes).passing((*gate.needs, *said)))
        for place in places:
            possible.setdefault(place, []).append(entity)
    return possible


class _Sieve:
    """Texts, or pieces of them, in which patterns are looked for one after another; a first one only once."""

    def __init__(self, texts: pl.Series, rows: pl.Series | None) -> None:
        self._texts, self._rows = texts, rows
        self._passed: dict[str, tuple[pl.Series, pl.Series]] = {}

    def passing(self, patterns: Sequence[str]) -> Iterable[int]:
        """The rows that hold all of `patterns`."""
        if not patterns:
            return range(len(self._texts))
        places, texts = self._first(patterns[0])
        for pattern in patterns[1:]:
            hits = texts.str.contains(pattern)
            places, texts = places.filter(hits), texts.filter(hits)
        return (places if self._rows is None else self._rows.gather(places)).to_list()

    def _first(self, pattern: str) -> tuple[pl.Series, pl.Series]:
        if pattern not in self._passed:
            hits = self._texts.str.contains(pattern)
            self._passed[pattern] = hits.arg_true(), self._texts.filter(hits)
        return self._passed[pattern]


def _plain_digits(column: pl.Series) -> pl.Series:
    """The texts with ASCII digits for those of other scripts, and the Turkish i as Python's patterns see it."""
    other = _holding(_OTHER_IN_RUST, column)
    if other.is_empty():
        return column
    plain = [
        _OTHER.sub(lambda match: str(int(match[0])) if match[0].isdecimal() else "i", text)
        for text in column.gather(other)
    ]
    return column.scatter(other, plain)


def _holding(pattern: str, column: pl.Series) -> pl.Series:
    """Places of the texts that hold `pattern`, which no ASCII text does."""
    beyond = (column.str.len_bytes() != column.str.len_chars()).arg_true()
    return beyond.filter(column.gather(beyond).str.contains(pattern))
