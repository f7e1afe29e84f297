"""Parts of the training rows, nested: what a smaller one holds, a larger one of the same seed holds, too."""

import hashlib
import math
from collections.abc import Sequence
from typing import TypeVar

from pydantic import Field

from luthier.domain.examples import Example
from luthier.domain.preferences import Preference
from luthier.domain.value import Value

R = TypeVar("R", Example, Preference)


class Subset(Value):
    """A share of rows, drawn by each row's own number: removing a row changes nobody else's place."""

    share: float = Field(default=1.0, gt=0, le=1)
    seed: int = Field(default=0, ge=0)

    def of(self, rows: Sequence[R]) -> Sequence[R]:
        """The rows of this share, at least one, in the order in which they were given."""
        if self.share == 1.0:
            return rows
        chosen = {row.id for row in sorted(rows, key=self._place)[: self.count(len(rows))]}
        return [row for row in rows if row.id in chosen]

    def count(self, rows: int) -> int:
        """How many of so many rows are in it, at least one."""
        return max(1, math.ceil(self.share * rows - 1e-9))

    def _place(self, row: R) -> tuple[str, str]:
        return hashlib.sha256(f"{self.seed}/{row.id}".encode()).hexdigest(), row.id


WHOLE = Subset()
