"""One piece of a source into one shard: read, consent, clean, personal data out, features."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from luthier.data.clean import Boilerplate, Cleaner, LineCounts, count_lines
from luthier.data.config import DataConfig
from luthier.data.plan.cleaning import cleared, hidden, languages_of, reasons_of, searched
from luthier.data.plan.consent import are_erased, first_end, reasons_against, refusal
from luthier.data.plan.features import VERSION as FEATURES_VERSION
from luthier.data.plan.features import schema, with_features
from luthier.data.plan.files import written
from luthier.data.plan.preferences import told_apart
from luthier.data.plan.reading import Piece, read
from luthier.data.plan.shards import DROPPED, Shard, ShardFacts
from luthier.data.plan.tally import Tally
from luthier.data.readers import Fault
from luthier.domain.digests import digest_of

SHARD_VERSION = 4
"""Raised by hand when the same piece would give another shard."""

CHECKED_PER_BATCH = 128
"""Rows of each batch that are searched a second time, so that the card can say what was left."""

Sink: TypeAlias = pa.ipc.RecordBatchFileWriter
_LIBRARIES = ("pyarrow", "numpy", "orjson", "xxhash", "numba", "polars")


@dataclass(frozen=True)
class Rules:
    """What is done to every piece alike."""

    config: DataConfig
    salt: str
    pii_key: str | None
    erased: frozenset[str]
    today: date | None
    boilerplate: Boilerplate


@dataclass(frozen=True)
class ShapeTask:
    """One piece, what is done to it, and where its shard goes."""

    piece: Piece
    rules: Rules
    folder: Path

    @property
    def shard(self) -> Shard:
        """The files of the shard; their name holds all that they depend on."""
        return Shard(self.folder, f"{self.piece.number:05d}-{self.key[:32]}")

    @property
    def key(self) -> str:
        """Digest of the piece, the settings that shape rows, the code and its libraries."""
        rules, piece = self.rules, self.piece
        has_end = piece.file.config.retention_days is not None
        return digest_of({
            "piece": [piece.file.path, piece.file.file_digest, piece.place, piece.format, piece.cut],
            "source": piece.file.config.model_dump(mode="json"),
            "clean": rules.config.clean.model_dump(mode="json"),
            "boilerplate": sorted(rules.boilerplate.get(piece.file.path, ())),
            "pii": rules.config.pii.model_dump(mode="json"),
            "near_threshold": rules.config.duplicates.near_threshold,
            "group_by": rules.config.split.group_by,
            "stratify_by": rules.config.gold.stratify_by,
            "secrets": digest_of([rules.salt, rules.pii_key, sorted(rules.erased)]),
            "today": str(rules.today) if has_end else None,
            "versions": [SHARD_VERSION, FEATURES_VERSION, *(version(name) for name in _LIBRARIES)],
        })  # fmt: skip


def count_piece(task: ShapeTask) -> LineCounts:
    """In how many rows of the piece each line stands."""
    counts = LineCounts()
    for item in read(task.piece, task.rules.config):
        if not isinstance(item, Fault):
            count_lines(item, counts)
    return counts


def shape(task: ShapeTask) -> ShardFacts:
    """What happened in the piece; its shard is on disk, made now or by an earlier run."""
    done = task.shard.facts()
    if done is not None:
        return done
    with (
        written(task.shard.rows) as rows,
        written(task.shard.dropped) as dropped,
        pa.ipc.new_file(str(rows), schema(task.rules.config.duplicates.near_threshold)) as kept,
        pa.ipc.new_file(str(dropped), DROPPED) as left_out,
    ):
        shaping = _Shaping(task, kept, left_out)
        for item in read(task.piece, task.rules.config):
            shaping.take(item)
    facts = shaping.tally.facts(task.piece)
    task.shard.write_facts(facts)
    return facts


class _Shaping:
    """One piece on its way into its shard."""

    def __init__(self, task: ShapeTask, kept: Sink, left_out: Sink) -> None:
        self._piece, self._rules = task.piece, task.rules
        self._kept, self._left_out = kept, left_out
        self._cleaner = Cleaner(task.rules.config.clean, task.rules.boilerplate)
        self.tally = Tally()

    def take(self, item: pa.RecordBatch | Fault) -> None:
        """One batch or fault more."""
        if not isinstance(item, Fault):
            self._shape(item)
        elif item.blocking:
            self.tally.fault(self._piece.place, item)
        else:
            self.tally.nothing_to_learn()
            place = self._piece.place
            self._list([f"{place}:{item.line}"], [place], [item.line], ["nothing_to_learn"], [item.what])

    def _shape(self, batch: pa.RecordBatch) -> None:
        config, tally = self._rules.config, self.tally
        tally.rows_in += batch.num_rows
        if forbidden := refusal(self._piece.file.config):
            for line in batch["line"].to_pylist():
                tally.fault(self._piece.place, Fault(line=line, what=forbidden))
            return
        days, rules = self._piece.file.config.retention_days, self._rules
        against = reasons_against(batch, erased=rules.erased, salt=rules.salt, retention_days=days, today=rules.today)
        self._leave_out(batch, against)
        batch = batch.filter(pa.array(against, pa.string()).is_null())
        tidy = self._cleaner.clean(batch)
        self._leave_out(batch, reasons_of(batch, tidy))
        tally.mended.update(tidy.changes)
        tally.broken_unwanted += tidy.broken_unwanted
        if not tidy.kept.num_rows:
            return
        tally.end(first_end(tidy.kept, days))
        tally.undated += tidy.kept["collected_on"].null_count if days is not None else 0
        batch, found = cleared(tidy.kept, config.pii, self._rules.salt, key=self._rules.pii_key)
        tally.masked.update(found)
        batch = self._told_apart(batch)
        shown = are_erased(batch, rules.erased, rules.salt)
        self._leave_out(batch, ["erased" if is_gone else None for is_gone in shown.to_pylist()])
        batch = batch.filter(pc.invert(shown))
        if not batch.num_rows:
            return
        again = batch.slice(0, CHECKED_PER_BATCH)
        tally.checked += again.num_rows
        tally.left.update(searched(again, config.pii))
        tally.languages.update(languages_of(again))
        tally.rows += batch.num_rows
        self._kept.write_batch(with_features(batch, self._rules.salt, config.duplicates.near_threshold))

    def _told_apart(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with each preference as a row of its own, which is counted as one."""
        told = told_apart(batch, self._piece.file.config.preferences)
        self.tally.rows_in += told.rows.num_rows + told.left_out.num_rows - batch.num_rows
        self._leave_out(told.left_out, told.reasons)
        return told.rows

    def _leave_out(self, batch: pa.RecordBatch, against: Sequence[str | None]) -> None:
        """List the rows that something speaks against, with personal data in their ids hashed."""
        why = pa.array(against, pa.string())
        gone, reasons = batch.filter(why.is_valid()), why.drop_null()
        if gone.num_rows:
            ids = hidden(gone["id"].to_pylist(), self._rules.config.pii, self._rules.salt)
            self.tally.dropped.update(reasons.to_pylist())
            self._list(ids, gone["source"], gone["line"], reasons, [""] * gone.num_rows)

    def _list(self, *columns: pa.Array | Sequence[object]) -> None:
        arrays = [pa.array(column, field.type) for column, field in zip(columns, DROPPED, strict=True)]
        self._left_out.write_batch(pa.RecordBatch.from_arrays(arrays, schema=DROPPED))
