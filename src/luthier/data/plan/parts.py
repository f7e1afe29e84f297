"""Shards into what is kept: Parquet parts of each split, the row list, and the list of what was left out."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from luthier.data.config import StyleSheetConfig
from luthier.data.plan.bodies import PARQUET, parquet_of
from luthier.data.plan.fates import Fates
from luthier.data.plan.files import written
from luthier.data.plan.preferences import ANSWER
from luthier.data.plan.shards import DROPPED, Shards, batches_of
from luthier.data.style import StyleLint
from luthier.domain.digests import digest_of_bytes
from luthier.domain.snapshots import HOLDS, SPLITS, Holds, Part, Split

ROWS_PER_PART = 50_000
_FOLDERS: Mapping[Holds, str] = {"answers": "", "preferences": "preferences/"}
ROWS_AT_ONCE = 8_192
ROW_LIST = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("split", pa.string(), nullable=False),
    pa.field("row_digest", pa.string(), nullable=False),
    pa.field("subject", pa.string()),
])  # fmt: skip


@dataclass(frozen=True)
class WriteTask:
    """One shard, where each of its rows goes, and the folder for the parts."""

    number: int
    shard: Path
    codes: NDArray[np.int8]
    folder: Path
    style_sheet: StyleSheetConfig


@dataclass(frozen=True)
class Wrote:
    """The parts of one shard, how many rows of each tag's value went into each split, and how answers are written."""

    parts: tuple[Part, ...]
    strata: Mapping[Split, Mapping[tuple[str, str], int]]
    style: StyleLint


def write_parts(task: WriteTask) -> Wrote:
    """The shard's rows of every split as Parquet files; equal rows give equal bytes."""
    batches = batches_of(task.shard)
    starts = np.cumsum([0, *(batch.num_rows for batch in batches)])
    parts: list[Part] = []
    strata: dict[Split, Counter[tuple[str, str]]] = {}
    style = StyleLint(task.style_sheet)
    for (code, split), holds in product(enumerate(SPLITS), HOLDS):
        of_split = [task.codes[start : start + batch.num_rows] == code
                    for start, batch in zip(starts.tolist(), batches, strict=False)]  # fmt: skip
        seen = strata.setdefault(split, Counter())
        for place, tables in enumerate(_in_parts(_picked(batches, of_split, holds))):
            for batch in tables if holds == "answers" else ():
                seen.update(_tags_of(batch))
                style.add(batch)
            name = f"{_FOLDERS[holds]}{split}/{task.number:05d}-{place:02d}.parquet"
            parts.append(_part(task.folder, split, holds, name, [parquet_of(b) for b in tables]))
    return Wrote(tuple(parts), strata, style)


def _picked(
    batches: Sequence[pa.RecordBatch], of_split: Sequence[NDArray[np.bool_]], holds: Holds
) -> Iterator[pa.RecordBatch]:
    """The rows of a split that are preferences, or those that are not."""
    for batch, chosen in zip(batches, of_split, strict=True):
        is_wanted = (batch["preference_key"].to_numpy() != ANSWER) == (holds == "preferences")
        rows = np.flatnonzero(chosen & is_wanted)
        if len(rows):
            yield batch.take(pa.array(rows))


def write_row_list(target: Path, shards: Shards, fates: Fates) -> str:
    """Id, split, salted digest and subject's salted key of each row kept, split by split; the digest of the file."""
    with written(target) as temporary, pq.ParquetWriter(temporary, ROW_LIST, compression="zstd") as writer:
        for split in SPLITS:
            kept = fates.is_in(split)
            for start, batch in shards.batches("id", "row_digest", "subject"):
                rows = np.flatnonzero(kept[start : start + batch.num_rows])
                if len(rows):
                    writer.write_batch(_listed(batch.take(pa.array(rows)), split))
    return digest_of_bytes(target.read_bytes())


def _listed(rows: pa.RecordBatch, split: Split) -> pa.RecordBatch:
    digests = pa.array([digest.hex() for digest in rows["row_digest"].to_pylist()], pa.string())
    return pa.RecordBatch.from_arrays(
        [rows["id"], pa.array([split] * len(rows), pa.string()), digests, rows["subject"]], schema=ROW_LIST
    )


def write_dropped(target: Path, before: Sequence[Path], shards: Shards, fates: Fates) -> str:
    """Every row left out with its reason: first what never reached the passes, then what they left out."""
    with written(target) as temporary, pq.ParquetWriter(temporary, DROPPED, compression="zstd") as writer:
        for file in before:
            for batch in batches_of(file):
                writer.write_batch(batch)
        for rows in _at_once(fates):
            writer.write_batch(_told(rows, shards))
    return digest_of_bytes(target.read_bytes())


Left = tuple[int, str, int, str]


def _at_once(fates: Fates) -> Iterator[list[Left]]:
    waiting: list[Left] = []
    for left in fates.left_out():
        waiting.append(left)
        if len(waiting) == ROWS_AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _told(rows: Sequence[Left], shards: Shards) -> pa.RecordBatch:
    places = np.array([place for place, *_ in rows])
    of = np.array([other for _, _, other, _ in rows])
    told = shards.take(places, "id", "source", "line")
    names = dict(zip(of[of >= 0].tolist(), shards.take(of[of >= 0], "id")["id"].to_pylist(), strict=True))
    details = [detail or names.get(other, "") for _, _, other, detail in rows]
    columns = [told[name].combine_chunks() for name in ("id", "source", "line")]
    reasons = pa.array([reason for _, reason, _, _ in rows], pa.string())
    return pa.RecordBatch.from_arrays([*columns, reasons, pa.array(details, pa.string())], schema=DROPPED)


def _in_parts(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Batches together until they hold a part's rows."""
    together: list[pa.RecordBatch] = []
    for batch in batches:
        together.append(batch)
        if sum(each.num_rows for each in together) >= ROWS_PER_PART:
            yield together
            together = []
    if together:
        yield together


def _part(folder: Path, split: Split, holds: Holds, place: str, batches: Sequence[pa.RecordBatch]) -> Part:
    """One Parquet file, not named before it is complete."""
    table = pa.Table.from_batches(batches, schema=PARQUET)
    with written(folder / place) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=ROWS_AT_ONCE)
    digest = digest_of_bytes((folder / place).read_bytes())
    return Part(split=split, holds=holds, name=place, file_digest=digest, rows=table.num_rows)


def _tags_of(batch: pa.RecordBatch) -> Counter[tuple[str, str]]:
    strata = batch["strata"]
    pairs = pa.table({"tag": strata.keys, "value": strata.items})
    seen = pairs.group_by(["tag", "value"]).aggregate([([], "count_all")])
    return Counter({(row["tag"], row["value"]): row["count_all"] for row in seen.to_pylist()})
