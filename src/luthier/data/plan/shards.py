"""Shards: what shaping a piece gave, on disk; columns are read whole, bodies row by row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from luthier.data.plan.bodies import BODY, examples_of
from luthier.data.plan.files import written
from luthier.domain.examples import Example
from luthier.domain.value import Value

Rows = NDArray[np.int64]
"""Places of rows among those of all shards."""

SHARDS_PER_STRETCH = 8
"""Some 64 MB of a source: enough that a task takes longer than to send it out."""

DROPPED = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("line", pa.int64(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("detail", pa.string(), nullable=False),
])  # fmt: skip
"""Rows that were left out, and why."""


class ShardFacts(Value):
    """What happened in one piece, beside the rows that stayed."""

    source: int = Field(description="Which of the sources.")
    format: str = Field(description="The reader's name.")
    rows_in: int
    rows: int
    dropped: Mapping[str, int]
    masked: Mapping[str, int]
    mended: Mapping[str, int] = Field(description="Rows that stay and were changed, by kind of change.")
    languages: Mapping[str, int] = Field(description="Languages of the rows that were searched again.")
    checked: int = Field(description="Rows searched once more for personal data after it was taken out.")
    left: Mapping[str, int] = Field(description="PII spans found in them.")
    faults: tuple[str, ...]
    faults_untold: int = 0
    undated: int = Field(default=0, description="Rows without a day, where retention is counted from one.")
    broken_unwanted: int = Field(
        default=0, description="Rejected and disliked answers that break the tools or the schema of their row."
    )
    first_end: date | None = Field(
        default=None, description="The first day on which one of its rows is past its retention."
    )


class Shard:
    """The files of one shard. The facts are written last: where they are, all is."""

    def __init__(self, folder: Path, name: str) -> None:
        self.rows = folder / f"{name}.arrow"
        self.dropped = folder / f"{name}.dropped.arrow"
        self._facts = folder / f"{name}.json"

    def facts(self) -> ShardFacts | None:
        """What happened in the piece; None while the shard is not complete."""
        return ShardFacts.model_validate_json(self._facts.read_bytes()) if self._facts.exists() else None

    def write_facts(self, facts: ShardFacts) -> None:
        """Declare the shard complete."""
        with written(self._facts) as temporary:
            temporary.write_text(facts.model_dump_json(), encoding="utf-8")


def batches_of(file: Path) -> list[pa.RecordBatch]:
    """The batches of an Arrow file, mapped rather than read."""
    reader = pa.ipc.open_file(pa.memory_map(str(file)))
    return [reader.get_batch(number) for number in range(reader.num_record_batches)]


@dataclass(frozen=True)
class Stretch:
    """Rows of a few neighbouring shards, as the share of one task."""

    files: tuple[Path, ...]
    first: int
    """Place of the first row of these shards among those of all."""
    rows: Rows
    """Places among those of all shards, ascending."""

    def batches(self, *columns: str) -> Iterator[tuple[Rows, pa.RecordBatch]]:
        """The rows, batch by batch, with their places among those of all shards."""
        for rows, batch in Shards(self.files).chosen(self.rows - self.first, *columns):
            yield rows + self.first, batch


class Shards:
    """The rows of all shards in order, as if they were one table that is never held."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        self._batches = [batches_of(file) for file in files]
        self._flat = [batch for batches in self._batches for batch in batches]
        self._starts = np.cumsum([0, *(batch.num_rows for batch in self._flat)], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def batches(self, *columns: str) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Every batch with the place of its first row, and only these columns where some are named."""
        for start, batch in zip(self._starts.tolist(), self._flat, strict=False):
            yield start, batch.select(list(columns)) if columns else batch

    def of_shard(self, number: int) -> slice:
        """The places of one shard's rows."""
        before = sum(len(batches) for batches in self._batches[:number])
        return slice(int(self._starts[before]), int(self._starts[before + len(self._batches[number])]))

    def figures(self, name: str) -> NDArray[Any]:
        """One column of figures as an array."""
        return self.each(lambda batch: batch[name].to_numpy(zero_copy_only=False))

    def each(self, column: Callable[[pa.RecordBatch], NDArray[Any]]) -> NDArray[Any]:
        """What `column` makes of every batch, one after the other."""
        found = [column(batch) for batch in self._flat]
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def chosen(self, rows: Rows, *columns: str) -> Iterator[tuple[Rows, pa.RecordBatch]]:
        """These rows, which ascend, batch by batch."""
        for start, batch in self.batches(*columns):
            first, last = np.searchsorted(rows, [start, start + batch.num_rows])
            some = rows[first:last]
            if len(some):
                yield some, batch if len(some) == batch.num_rows else batch.take(pa.array(some - start))

    def stretches(self, rows: Rows) -> list[Stretch]:
        """These rows, which ascend, shared out among tasks, whose number follows from that of the shards alone."""
        parts: list[Stretch] = []
        for number in range(0, len(self.files), SHARDS_PER_STRETCH):
            mine = tuple(self.files[number : number + SHARDS_PER_STRETCH])
            start, end = self.of_shard(number).start, self.of_shard(number + len(mine) - 1).stop
            first, last = np.searchsorted(rows, [start, end])
            if last > first:
                parts.append(Stretch(mine, start, rows[first:last]))
        return parts

    def take(self, rows: Rows, *columns: str) -> pa.Table:
        """These rows, in this order."""
        if not len(rows):
            schema = self._flat[0].schema if self._flat else pa.schema([])
            return schema.empty_table().select(list(columns) or schema.names)
        order = np.argsort(rows, kind="stable")
        ordered = np.asarray(rows)[order]
        where = np.searchsorted(self._starts, ordered, side="right") - 1
        edges = [0, *(np.flatnonzero(np.diff(where)) + 1).tolist(), len(where)]
        parts = []
        for first, last in pairwise(edges):
            batch = self._flat[where[first]]
            chosen = batch.select(list(columns)) if columns else batch
            parts.append(chosen.take(pa.array(ordered[first:last] - self._starts[where[first]])))
        table = pa.Table.from_batches(parts).combine_chunks()
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return table.take(pa.array(back))

    def examples(self, rows: Rows) -> list[Example]:
        """The bodies of these rows, in this order."""
        return [row for batch in self.take(rows, *BODY).to_batches() for row in examples_of(batch)]
