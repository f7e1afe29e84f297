"""What is counted while a piece is read."""

from collections import Counter
from datetime import date

from luthier.data.plan.reading import Piece
from luthier.data.plan.shards import ShardFacts
from luthier.data.readers import Fault

FAULTS_TOLD = 50


class Tally:
    """Figures of one piece under way."""

    def __init__(self) -> None:
        self.rows_in = self.rows = self.checked = self.faults_untold = self.undated = self.broken_unwanted = 0
        self.dropped: Counter[str] = Counter()
        self.masked: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        self.mended: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.faults: list[str] = []
        self.first_end: date | None = None

    def fault(self, place: str, fault: Fault) -> None:
        """Remember what is wrong with one line."""
        if len(self.faults) < FAULTS_TOLD:
            self.faults.append(f"{place}:{fault.line}: {fault.what}")
        else:
            self.faults_untold += 1

    def end(self, day: date | None) -> None:
        """Remember the first day on which a row is past its retention."""
        if day is not None:
            self.first_end = min(day, self.first_end or day)

    def nothing_to_learn(self) -> None:
        """Count a record that gives no row although nothing is wrong with it."""
        self.rows_in += 1
        self.dropped["nothing_to_learn"] += 1

    def facts(self, piece: Piece) -> ShardFacts:
        """All figures, sorted."""
        return ShardFacts(
            source=piece.source,
            format=piece.format,
            rows_in=self.rows_in,
            rows=self.rows,
            dropped=dict(sorted(self.dropped.items())),
            masked=dict(sorted(self.masked.items())),
            mended=dict(sorted(self.mended.items())),
            languages=dict(sorted(self.languages.items())),
            checked=self.checked,
            left=dict(sorted(self.left.items())),
            faults=tuple(self.faults),
            faults_untold=self.faults_untold,
            undated=self.undated,
            broken_unwanted=self.broken_unwanted,
            first_end=self.first_end,
        )
