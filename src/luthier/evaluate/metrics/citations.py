"""The sources that an answer names: among those it was shown, and saying what it says."""

import re

from luthier.evaluate.metrics.grounded import ENOUGH, claims_of, supports
from luthier.evaluate.metrics.metric import Attempt, mean

_CITED = re.compile(r"\[([^\[\]\n]{1,200})\]")


@mean("citation_correct", applies_to="rows whose variant retrieves passages")
def citation_correct(row: Attempt) -> float | None:
    """Share of the citations `[id]` or `[number]` that name a passage shown and stand after a claim that it supports.

    An answer that cites nothing scores 0: a source was asked of it. A number counts passages from 1.
    """
    if row.reply is None or not row.reply.sources:
        return None
    cited = _citations(row.answer or "")
    if not cited:
        return 0.0
    return sum(_is_right(row, said, name) for said, name in cited) / len(cited)


def _citations(answer: str) -> list[tuple[str, str]]:
    """What stands before each citation, back to the one before it or the end of a sentence, and its name."""
    found: list[tuple[str, str]] = []
    start = 0
    for mark in _CITED.finditer(answer):
        before = _CITED.sub("", answer[start : mark.start()]).strip()
        said = before if claims_of(before) else (found[-1][0] if found else "")
        found += [(said, name.strip()) for name in mark[1].split(",")]
        start = mark.end()
    return found


def _is_right(row: Attempt, said: str, name: str) -> bool:
    sources = row.reply.sources if row.reply else ()
    place = int(name) - 1 if name.isdecimal() and len(name) < 4 else None
    if place is None:
        place = sources.index(name) if name in sources else None
    if place is None or not 0 <= place < len(sources):
        return False
    if place >= len(row.passages):
        return True
    found = supports(said, [row.passages[place]])
    return bool(found) and sum(found) / len(found) >= ENOUGH
