"""Lines that stand in a large share of the rows of one source: footers, disclaimers, banners."""

from collections import Counter
from collections.abc import Iterable, Mapping

import xxhash

from luthier.text.normalise import fold

MIN_ROWS = 20
"""Rows that must hold a line before its share means anything."""
_MIN_CHARACTERS = 15
_MAX_LINES = 1_000_000
"""Different lines counted at once; beyond it, those seen only once are forgotten."""

Boilerplate = Mapping[str, frozenset[int]]
"""Source -> digests of its boilerplate lines."""


class LineCounts:
    """In how many rows of each source each line stands; bounded in memory, mergeable."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()
        self._lines: dict[str, Counter[int]] = {}

    def add(self, source: str, texts: Iterable[str]) -> None:
        """Count one row of a source; a line counts once however often the row says it."""
        self._rows[source] += 1
        lines = self._lines.setdefault(source, Counter())
        lines.update({digest_of_line(line) for text in texts for line in text.split("\n") if is_long_enough(line)})
        if len(lines) > _MAX_LINES:
            self._lines[source] = Counter({digest: count for digest, count in lines.items() if count > 1})

    def merge(self, other: "LineCounts") -> None:
        """Take over what another counted over other rows."""
        self._rows.update(other._rows)
        for source, lines in other._lines.items():
            self._lines.setdefault(source, Counter()).update(lines)

    def boilerplate(self, share: float) -> Boilerplate:
        """Lines in more than `share` of the rows of their source, and in 20 at least."""
        return {
            source: frozenset(
                digest for digest, count in lines.items() if count >= MIN_ROWS and count > share * self._rows[source]
            )
            for source, lines in self._lines.items()
        }


def is_long_enough(line: str) -> bool:
    """Whether a line says enough to be boilerplate; `Hello,` is none."""
    return len(line) >= _MIN_CHARACTERS and line.count(" ") >= 2


def digest_of_line(line: str) -> int:
    """64 bits that are the same for lines that differ in case and spacing only."""
    return xxhash.xxh3_64_intdigest(fold(line).encode())
