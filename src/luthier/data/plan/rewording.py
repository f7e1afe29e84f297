"""Semantic duplicates of one build, portion by portion: nothing but the pairs that were found is held."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from luthier.data.asked import Asked
from luthier.data.config import DuplicatesConfig
from luthier.data.plan.files import written
from luthier.data.plan.judging import Judges, counts_in, shards_in
from luthier.data.plan.leaks import Lookout
from luthier.data.plan.passes import Passes
from luthier.data.plan.repeats import cluster_heads, cluster_sizes
from luthier.data.plan.shards import Rows
from luthier.data.semantic import Same, groups_of, same_among
from luthier.text.embeddings import Floats

SIMILAR = "similar.parquet"
SCHEMA = pa.schema([
    pa.field("first", pa.string(), nullable=False),
    pa.field("id", pa.string(), nullable=False),
])  # fmt: skip
"""Rows that stay although an earlier row of the snapshot asks the same in other words: its id, and theirs."""


@dataclass(frozen=True)
class PortionTask:
    """Rows whose answers others have too, and what decides whether two of them say the same."""

    files: tuple[Path, ...]
    counts: Path
    mean: Floats
    rows: Rows
    threshold: float


@dataclass(frozen=True)
class Reworded:
    """Rows that say what an earlier one says in other words, the first row of each one's cluster, and cluster sizes."""

    rows: Rows
    first: Rows
    sizes: dict[int, int]


def reworded(passes: Passes, judges: Judges, lookout: Lookout, config: DuplicatesConfig) -> Reworded:
    """What is found among the rows that nothing was decided about; with `drop` all but the first are left out."""
    rows = np.flatnonzero(passes.fates.open & ~passes.preferences)
    if config.semantic == "off":
        return Reworded(rows[:0], rows[:0], {})
    portions = groups_of(rows, passes.shards.figures("answer_key")[rows])
    tasks = [
        PortionTask(judges.files, judges.counts, lookout.mean, portion, config.semantic_threshold)
        for portion in portions
    ]
    found = [pair for told in judges.executor.run(judge_portion, tasks) for pair in told]
    pairs = np.array([(pair.first, pair.second) for pair in found], dtype=np.int64).reshape(-1, 2)
    again, first = cluster_heads(rows, pairs)
    if config.semantic == "drop":
        passes.fates.leave_out(again, "semantic_duplicate", because=first)
    return Reworded(again, first, cluster_sizes(again, first))


def judge_portion(task: PortionTask) -> Sequence[Same]:
    """The pairs of one portion that say the same."""
    shards = shards_in(task.files)
    (batch,) = shards.take(task.rows, "messages").combine_chunks().to_batches()
    return same_among(
        task.rows, Asked.of_batch(batch), shards.examples, counts_in(task.counts), task.mean, threshold=task.threshold
    )


def write_similar(target: Path, passes: Passes, found: Reworded) -> None:
    """The clusters whose rows stay in the snapshot, as a list of ids."""
    stays = ~passes.fates.is_left_out
    kept = np.flatnonzero(stays[found.rows] & stays[found.first])
    ids = passes.ids({*found.rows[kept].tolist(), *found.first[kept].tolist()})
    columns = [[ids[row] for row in rows[kept].tolist()] for rows in (found.first, found.rows)]
    with written(target) as temporary:
        pq.write_table(pa.table(columns, schema=SCHEMA), temporary, compression="zstd")
