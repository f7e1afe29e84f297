"""Many texts at once: what most of them cannot hold is ruled out in one pass of a fast regex engine."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from luthier.text.normalise import visible
from luthier.text.pii.find import Names, spans_in, spans_of_names
from luthier.text.pii.spans import LEAST_SCORE, Span, gates, pii_recognisers

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
    shown = [visible(text) for text in texts]
    named = names.find([one.text for one in shown]) if names else None
    possible = _possible([one.text for one in shown])
    return [
        spans_in(one, possible.get(place, ()), spans_of_names(named[place]) if named else (), LEAST_SCORE)
        for place, one in enumerate(shown)
    ]


def _possible(texts: Sequence[str]) -> dict[int, list[str]]:
    """Place of a text -> the entities that it may hold; texts that hold none are missing."""
    needs = {entity: gates.get(entity, ()) for entity in pii_recognisers}
    column = pl.Series("text", texts, dtype=pl.String)
    everywhere = [entity for entity, patterns in needs.items() if not patterns]
    firsts = dict.fromkeys(patterns[0] for patterns in needs.values() if patterns)
    hold_any = column.str.contains("|".join(f"(?:{pattern})" for pattern in firsts)).arg_true()
    some = pl.DataFrame({"place": hold_any, "text": column.gather(hold_any)})
    distinct = list(dict.fromkeys(pattern for patterns in needs.values() for pattern in patterns))
    hits = some.select(
        "place", *(pl.col("text").str.contains(pattern).alias(str(n)) for n, pattern in enumerate(distinct))
    )
    places = hits["place"].to_list()
    possible: dict[int, list[str]] = {place: list(everywhere) for place in range(len(texts))} if everywhere else {}
    for entity, patterns in needs.items():
        if patterns:
            held = hits.select(pl.all_horizontal(str(distinct.index(pattern)) for pattern in patterns)).to_series()
            for place in held.arg_true():
                possible.setdefault(places[place], []).append(entity)
    return possible
