"""The rows of a snapshot as a sequence that reads its parts when they are asked for."""

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import overload

import pyarrow.parquet as pq

from luthier.data.plan.bodies import examples_of_parquet
from luthier.domain.examples import Example
from luthier.domain.snapshots import Bodies, Holds, Part, Split
from luthier.lifecycle.workspace import Workspace

_PARTS_HELD = 4


class Rows(Sequence[Example]):
    """Rows in their order; a part is in memory only while it is read."""

    def __init__(self, parts: Sequence[Part], read: Callable[[str], tuple[Example, ...]]) -> None:
        self._parts, self._read = parts, read
        self._ends = list(accumulate(part.rows for part in parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Example]:
        for part in self._parts:
            yield from self._read(part.file_digest)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        """One row, or some of them."""
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(f"row {place} of {len(self)}")
        part = bisect_right(self._ends, at)
        return self._read(self._parts[part].file_digest)[at - (self._ends[part] - self._parts[part].rows)]


def rows_of(work: Workspace, split: Split) -> Rows:
    """The rows of one split of the snapshot, in their order; each ends with its ideal answer."""
    return _rows(work, split, "answers")


def preference_rows(work: Workspace, split: Split) -> Rows:
    """The preferences of one split of the snapshot, in their order; `Preference.of` tells what each says."""
    return _rows(work, split, "preferences")


def _rows(work: Workspace, split: Split, holds: Holds) -> Rows:
    bodies = work.fetch(work.require("data", "rows"), Bodies)
    return Rows(bodies.of(split, holds), lambda digest: _read_part(work, digest))


@lru_cache(maxsize=_PARTS_HELD)
def _read_part(work: Workspace, digest: str) -> tuple[Example, ...]:
    table = pq.read_table(io.BytesIO(work.store.artifacts.get_bytes(digest)))
    return tuple(row for batch in table.to_batches() for row in examples_of_parquet(batch))
