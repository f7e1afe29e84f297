"""Many texts at once: what most of them cannot hold is ruled out in one pass of a fast regex engine."""

import re
from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from luthier.text.normalise import Visible, rewritten, visible
from luthier.text.pii.find import Names, spans_in, spans_of_names
from luthier.text.pii.spans import LEAST_SCORE, Span, gates, pii_recognisers

_OTHER = re.compile("(?![0-9])\\d|[\u0130\u0131]")
_OTHER_IN_RUST = "[\\p{Nd}--[0-9]]|[\u0130\u0131]"
_AT_ONCE = 20_000
"""Texts whose shown forms are held at a time."""


def find_pii_batch(texts: Sequence[str] | pa.Array, *, names: Names | None = None) -> list[tuple[Span, ...]]:
    """The spans of each text, as `find_pii` gives them one by one. An Arrow array holds strings, no nulls."""
    found: list[tuple[Span, ...]] = []
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        found += _find(part.to_pylist() if isinstance(part, pa.Array | pa.ChunkedArray) else part, names)
    return found


def _find(texts: Sequence[str], names: Names | None) -> list[tuple[Span, ...]]:
    column = pl.Series("text", texts, dtype=pl.String)
    shown = [Visible(text, None) for text in texts]
    for place in column.str.contains(rewritten().pattern).arg_true():
        shown[place] = visible(texts[place])
    named = names.find([one.text for one in shown]) if names else None
    possible = _possible(pl.Series("text", [one.text for one in shown], dtype=pl.String))
    if named is None:
        spans: list[tuple[Span, ...]] = [()] * len(texts)
        for place, entities in possible.items():
            spans[place] = spans_in(shown[place], entities, (), LEAST_SCORE)
        return spans
    return [
        spans_in(one, possible.get(place, ()), spans_of_names(named[place]), LEAST_SCORE)
        for place, one in enumerate(shown)
    ]


def _possible(column: pl.Series) -> dict[int, list[str]]:
    """Place of a text -> the entities that it may hold; texts that hold none are missing."""
    column = _plain_digits(column)
    needs = {entity: gates.get(entity, ()) for entity in pii_recognisers}
    firsts = list(dict.fromkeys(patterns[0] for patterns in needs.values() if patterns))
    masks = column.to_frame().select(pl.col("text").str.contains(first).alias(first) for first in firsts)
    passed = {first: masks[first].arg_true() for first in firsts}
    possible: dict[int, list[str]] = {}
    for entity, patterns in needs.items():
        places = passed[patterns[0]] if patterns else pl.arange(len(column), dtype=pl.UInt32, eager=True)
        for pattern in patterns[1:]:
            places = places.filter(column.gather(places).str.contains(pattern))
        for place in places:
            possible.setdefault(place, []).append(entity)
    return possible


def _plain_digits(column: pl.Series) -> pl.Series:
    """The texts with ASCII digits for those of other scripts, and the Turkish i as Python's patterns see it."""
    other = column.str.contains(_OTHER_IN_RUST).arg_true()
    if other.is_empty():
        return column
    plain = [
        _OTHER.sub(lambda match: str(int(match[0])) if match[0].isdecimal() else "i", text)
        for text in column.gather(other)
    ]
    return column.scatter(other, plain)
