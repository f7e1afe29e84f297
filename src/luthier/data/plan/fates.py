"""What becomes of each row: the split it ends in, or the reason why it is left out."""

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from luthier.data.plan.shards import Rows
from luthier.domain.snapshots import SPLITS, Split

Reason = Literal[
    "exact_duplicate", "near_duplicate", "semantic_duplicate", "contradiction", "group_in_gold", "like_gold"
]
REASONS: tuple[Reason, ...] = get_args(Reason)
_OPEN, _ITSELF = -1, -2
Mask = NDArray[np.bool_]


class Fates:
    """One code per row: open until it is placed in a split or left out; each is decided once."""

    def __init__(self, rows: int) -> None:
        self.codes = np.full(rows, _OPEN, dtype=np.int8)
        self._because = np.full(rows, -1, dtype=np.int64)
        self._detail: dict[int, str] = {}

    @property
    def open(self) -> Mask:
        """Rows that nothing was decided about."""
        mask: Mask = self.codes == _OPEN
        return mask

    def place(self, rows: Rows | Mask, split: Split) -> None:
        """Put rows into a split."""
        self.codes[rows] = SPLITS.index(split)

    def is_in(self, split: Split) -> Mask:
        """The rows of one split."""
        mask: Mask = self.codes == SPLITS.index(split)
        return mask

    def count_elsewhere(self, rows: Rows) -> None:
        """Rows that are gold rows themselves and are counted there."""
        self.codes[rows] = _ITSELF

    def leave_out(self, rows: Rows | Mask, reason: Reason, *, because: Rows | None = None) -> None:
        """Drop rows, naming for each the row that it is dropped because of, where there is one."""
        self.codes[rows] = len(SPLITS) + REASONS.index(reason)
        if because is not None:
            self._because[rows] = because

    def explain(self, told: Mapping[int, str]) -> None:
        """What to tell of single rows besides the reason."""
        self._detail.update(told)

    @property
    def is_left_out(self) -> Mask:
        """Rows that were dropped for a reason."""
        mask: Mask = self.codes >= len(SPLITS)
        return mask

    @property
    def is_itself(self) -> Mask:
        """Rows that are counted as the gold rows they are."""
        mask: Mask = self.codes == _ITSELF
        return mask

    def counts(self) -> dict[str, int]:
        """Rows left out, by reason."""
        found = np.bincount(self.codes[self.codes >= len(SPLITS)] - len(SPLITS), minlength=len(REASONS))
        return {reason: int(count) for reason, count in zip(REASONS, found, strict=True) if count}

    def left_out(self) -> Iterator[tuple[int, Reason, int, str]]:
        """Each row that was left out: its place, the reason, the row it is because of or -1, and what else is told."""
        for place in np.flatnonzero(self.codes >= len(SPLITS)).tolist():
            reason = REASONS[self.codes[place] - len(SPLITS)]
            yield place, reason, int(self._because[place]), self._detail.get(place, "")
