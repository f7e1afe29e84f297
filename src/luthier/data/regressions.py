"""What became worse from one snapshot to the next, so that no drop in quality stays silent."""

from collections.abc import Iterator, Mapping

from luthier.data.card import DataCard
from luthier.domain.measure import Measurement

_DUPLICATES = ("exact_duplicate", "near_duplicate", "semantic_duplicate")
_LENGTH_RATIO = 1.25
_CONFIDENCE = 0.99
"""Dozens of shares are compared at once; at 95% one in twenty pairs of equal data sets would raise a cry."""


def regressions(before: DataCard, after: DataCard) -> Iterator[str]:
    """One sentence for every quality figure that moved further than chance explains, in the wrong direction.

    Shares are compared by their Wilson intervals, which must not overlap: strata, languages, personal data, duplicates,
    contradictions, other reasons for leaving rows out, rows kept, preferences among them. Lengths, by their medians: a
    quarter up or down.
    """
    yield from _strata(before, after)
    yield from _shares_moved("rows kept", before.kept, after.kept, rows=_read(before, after), worse="fewer")
    yield from _shares_moved("preferences", before.preferred, after.preferred, rows=_read(before, after), worse="fewer")
    for name, one, other in _reasons(before, after):
        yield from _shares_moved(name, one, other, rows=_read(before, after), worse="more")
    yield from _personal(before, after)
    for language in sorted({*before.languages, *after.languages}):
        one, other = before.languages.get(language, 0), after.languages.get(language, 0)
        checked = (before.checked, after.checked)
        yield from _shares_moved(f"rows in language {language!r}", one, other, rows=checked, worse="fewer")
    yield from _lengths(before, after)


def _strata(before: DataCard, after: DataCard) -> Iterator[str]:
    rows = (_kept(before), _kept(after))
    for name, splits in before.strata.items():
        one, other = sum(splits.values()), sum(after.strata.get(name, {}).values())
        if not other:
            yield f"no row of {name} is left of {one}"
        else:
            yield from _shares_moved(f"rows of {name}", one, other, rows=rows, worse="fewer")


def _reasons(before: DataCard, after: DataCard) -> Iterator[tuple[str, int, int]]:
    """What is counted of rows left out: duplicates of all kinds together, and every other reason."""
    groups = {**dict.fromkeys(_DUPLICATES, "duplicates"), "contradiction": "contradicting rows"}
    for name in dict.fromkeys(groups.get(reason, reason) for reason in sorted({*before.dropped, *after.dropped})):
        one, other = (
            sum(count for reason, count in card.dropped.items() if groups.get(reason, reason) == name)
            for card in (before, after)
        )
        yield (name if name in groups.values() else f"rows left out as {name}"), one, other


def _personal(before: DataCard, after: DataCard) -> Iterator[str]:
    """More personal data left, more of it in the sources, or a kind that is not found any more."""
    checked = (before.checked, after.checked)
    one, other = (min(sum(card.left.values()), card.checked) for card in (before, after))
    yield from _shares_moved("personal data left after masking", one, other, rows=checked, worse="more")
    for entity in sorted({*before.masked, *after.masked}):
        found = [min(card.masked.get(entity, 0), card.rows_in) for card in (before, after)]
        name = f"{entity} spans"
        yield from _shares_moved(name, found[0], found[1], rows=_read(before, after), worse="either")


def _lengths(before: DataCard, after: DataCard) -> Iterator[str]:
    old = {(row.split, row.part): row.median for row in before.lengths}
    for row in after.lengths:
        median = old.get((row.split, row.part))
        if median and not 1 / _LENGTH_RATIO <= max(row.median, 1) / median <= _LENGTH_RATIO:
            yield f"the median {row.part} of {row.split} went from {median} to {row.median} characters"


def _shares_moved(name: str, one: int, other: int, *, rows: tuple[int, int], worse: str) -> Iterator[str]:
    """A sentence where the second share lies beyond the first by more than both intervals, in the worse direction."""
    if not all(rows):
        return
    old = Measurement.of_proportion(name, one, n=rows[0], confidence=_CONFIDENCE)
    new = Measurement.of_proportion(name, other, n=rows[1], confidence=_CONFIDENCE)
    fell, rose = new.high < old.low, new.low > old.high
    if (fell and worse in {"fewer", "either"}) or (rose and worse in {"more", "either"}):
        yield f"{name} went from {old.value:.2%} to {new.value:.2%} ({one} of {rows[0]}, {other} of {rows[1]})"


def _read(before: DataCard, after: DataCard) -> tuple[int, int]:
    return before.rows_in, after.rows_in


def _kept(card: DataCard) -> int:
    """Rows with an ideal answer; preferences are none of them."""
    return sum(card.splits.values())


def figures(card: DataCard) -> Mapping[str, str]:
    """The quality figures of one card in a line each, for a comparison side by side."""
    kept = _kept(card)
    lengths = {f"median {row.part}, {row.split}": f"{row.median} characters" for row in card.lengths}
    return {
        "rows read": str(card.rows_in),
        "rows kept": str(kept),
        **{f"preferences, {kind}": str(sum(rows.values())) for kind, rows in card.preferences.items()},
        **{f"left out: {reason}": str(count) for reason, count in card.dropped.items()},
        **{f"personal data: {entity}": str(count) for entity, count in card.masked.items()},
        **{f"share of {name}": f"{sum(rows.values()) / max(kept, 1):.2%}" for name, rows in card.strata.items()},
        **lengths,
    }
