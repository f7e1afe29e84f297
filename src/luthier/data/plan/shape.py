"""One piece of a source into one shard: read, consent, clean, personal data out, features."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

from luthier.data.config import DataConfig
from luthier.data.clean import Boilerplate, Cleaner, LineCounts, count_lines
from luthier.data.plan.cleaning import cleared, hidden, languages_of, reasons_of, searched
from luthier.data.plan.consent import are_erased, first_end, reasons_against, refusal
from luthier.data.plan.features import schema, with_features
from luthier.data.plan.features import VERSION as FEATURES_VERSION
from luthier.data.plan.files import written
from luthier.data.plan.reading import Piece, read
from luthier.data.readers import Fault
from luthier.data.plan.shards import DROPPED, Shard, ShardFacts
from luthier.data.plan.tally import Tally
from luthier.domain.digests import digest_of

SHARD_VERSION = 2
"""Raised by hand when the same piece would give another shard."""

CHECKED_PER_BATCH = 256
"""Rows of each batch that are searched a second time, so that the card can say what was left."""

_LIBRARIES = ("pyarrow", "numpy", "orjson", "xxhash")


@dataclass(frozen=True)
class Rules:
    """What is done to every piece alike."""

    config: DataConfig
    salt: str
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
            "secrets": digest_of([rules.salt, sorted(rules.erased)]),
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
    threshold = task.rules.config.duplicates.near_threshold
    told, cleaner = Tally(), Cleaner(task.rules.config.clean, task.rules.boilerplate)
    with (
        written(task.shard.rows) as rows,
        written(task.shard.dropped) as dropped,
        pa.ipc.new_file(str(rows), schema(threshold)) as kept,
        pa.ipc.new_file(str(dropped), DROPPED) as left_out,
    ):
        for item in read(task.piece, task.rules.config):
            if not isinstance(item, Fault):
                _shape_batch(item, task, cleaner, told, kept, left_out)
            elif item.blocking:
                told.fault(task.piece.place, item)
            else:
                told.nothing_to_learn()
                left_out.write_batch(_nothing_to_learn(item, task.piece))
    facts = told.facts(task.piece)
    task.shard.write_facts(facts)
    return facts


def _shape_batch(
    batch: pa.RecordBatch,
    task: ShapeTask,
    cleaner: Cleaner,
    told: Tally,
    kept: pa.ipc.RecordBatchFileWriter,
    left_out: pa.ipc.RecordBatchFileWriter,
) -> None:
    rules = task.rules
    told.rows_in += batch.num_rows
    if forbidden := refusal(task.piece.file.config):
        for line in batch["line"].to_pylist():
            told.fault(task.piece.place, Fault(line=line, what=forbidden))
        return
    against = reasons_against(
        batch, erased=rules.erased, salt=rules.salt, retention_days=task.piece.file.config.retention_days, today=rules.today
    )
    batch = _list(batch, against, rules, told, left_out)
    tidy = cleaner.clean(batch)
    _list(batch, reasons_of(batch, tidy), rules, told, left_out)
    told.mended.update(tidy.changes)
    batch = tidy.kept
    if not batch.num_rows:
        return
    told.end(first_end(batch, task.piece.file.config.retention_days))
    batch, found = cleared(batch, rules.config.pii, rules.salt)
    told.masked.update(found)
    shown = are_erased(batch, rules.erased, rules.salt).to_pylist()
    batch = _list(batch, ["erased" if each else None for each in shown], rules, told, left_out)
    if not batch.num_rows:
        return
    again = batch.slice(0, CHECKED_PER_BATCH)
    told.checked += again.num_rows
    told.left.update(searched(again, rules.config.pii))
    told.languages.update(languages_of(again))
    told.rows += batch.num_rows
    kept.write_batch(with_features(batch, rules.salt, rules.config.duplicates.near_threshold))


def _list(
    batch: pa.RecordBatch,
    against: Sequence[str | None],
    rules: Rules,
    told: Tally,
    left_out: pa.ipc.RecordBatchFileWriter,
) -> pa.RecordBatch:
    """The rows that nothing speaks against; the others are listed, with personal data in their ids hashed."""
    why = pa.array(against, pa.string())
    if why.null_count == len(why):
        return batch
    gone = batch.filter(why.is_valid())
    reasons = why.drop_null()
    ids = pa.array(hidden(gone["id"].to_pylist(), rules.config.pii, rules.salt), pa.string())
    details = pa.array([""] * gone.num_rows, pa.string())
    left_out.write_batch(
        pa.RecordBatch.from_arrays([ids, gone["source"], gone["line"], reasons, details], schema=DROPPED)
    )
    told.dropped.update(reasons.to_pylist())
    return batch.filter(why.is_null())


def _nothing_to_learn(fault: Fault, piece: Piece) -> pa.RecordBatch:
    cells = [[f"{piece.place}:{fault.line}"], [piece.place], [fault.line], ["nothing_to_learn"], [fault.what]]
    return pa.RecordBatch.from_arrays(
        [pa.array(cell, field.type) for cell, field in zip(cells, DROPPED, strict=True)], schema=DROPPED
    )
