"""Snapshots side by side, and what was left out of one."""

import io
from collections.abc import Iterator, Mapping

import polars as pl
import pyarrow.parquet as pq

from luthier.data.card import DataCard
from luthier.data.regressions import figures, regressions
from luthier.domain.snapshots import Manifest
from luthier.domain.value import Value
from luthier.errors import NotFound, UserError
from luthier.lifecycle.workspace import Workspace

_NAMED = 20


class Moved(Value):
    """Rows that are in another split than before."""

    before: str
    after: str
    rows: int
    ids: tuple[str, ...]


class SnapshotDiff(Value):
    """What changed from one snapshot to another; ids are the first twenty of each kind."""

    before: str
    after: str
    added: int
    removed: int
    changed: int
    unchanged: int
    added_ids: tuple[str, ...]
    removed_ids: tuple[str, ...]
    changed_ids: tuple[str, ...]
    moved: tuple[Moved, ...]
    figures: Mapping[str, tuple[str, str]]
    regressions: tuple[str, ...]


def find_snapshot(work: Workspace, name: str) -> str:
    """The digest that `name` begins, or that of the snapshot that stands for `current`.

    Raises:
        NotFound: No snapshot's digest begins so.
        UserError: Several do.

    """
    if name == "current":
        return work.require("data")
    found = [info.digest for info in work.store.artifacts.find("snapshot") if info.digest.startswith(name)]
    if not found:
        known = [info.digest[:12] for info in work.store.artifacts.find("snapshot")]
        raise NotFound(f"no snapshot begins with {name!r}", hint=f"snapshots: {', '.join(known) or 'none'}")
    if len(found) > 1:
        raise UserError(f"{len(found)} snapshots begin with {name!r}", hint="give more digits")
    return found[0]


def diff(work: Workspace, before: str, after: str) -> SnapshotDiff:
    """What changed between two snapshots, told from their row lists and cards; bodies are not needed."""
    one, other = _row_list(work, before), _row_list(work, after)
    both = one.join(other, on="id", how="full", suffix="_after", coalesce=True).sort("id")
    added, removed = both.filter(pl.col("split").is_null()), both.filter(pl.col("split_after").is_null())
    shared = both.drop_nulls(["split", "split_after"])
    changed = shared.filter(pl.col("row_digest") != pl.col("row_digest_after"))
    old, new = card_of(work, before), card_of(work, after)
    told = (figures(old), figures(new))
    return SnapshotDiff(
        before=before,
        after=after,
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        unchanged=len(shared) - len(changed),
        added_ids=_ids(added),
        removed_ids=_ids(removed),
        changed_ids=_ids(changed),
        moved=tuple(_moved(shared)),
        figures={
            name: (told[0].get(name, "-"), told[1].get(name, "-"))
            for name in dict.fromkeys([*told[0], *told[1]])
            if told[0].get(name) != told[1].get(name)
        },
        regressions=tuple(regressions(old, new)),
    )


def card_of(work: Workspace, snapshot: str) -> DataCard:
    """The data card of a snapshot; where it was made again, the newest."""
    return work.fetch(made_from(work, snapshot, "data_card"), DataCard)


def dropped_rows(work: Workspace, reason: str | None = None) -> Iterator[dict[str, str]]:
    """Every row that the current snapshot left out, or those of one reason.

    Raises:
        NotFound: No row was left out for that reason.

    """
    table = pq.ParquetFile(io.BytesIO(work.store.artifacts.get_bytes(work.require("data", "dropped"))))
    counts = work.fetch(work.require("data"), Manifest).dropped
    if reason is not None and reason not in counts:
        raise NotFound(f"no row was left out as {reason!r}", hint=f"the reasons are {sorted(counts) or 'none'}")
    for batch in table.iter_batches():
        for row in batch.to_pylist():
            if reason is None or row["reason"] == reason:
                yield {name: str(value) for name, value in row.items()}


def made_from(work: Workspace, snapshot: str, kind: str) -> str:
    """The newest artifact of a kind that was made from a snapshot; NotFound where none is kept."""
    infos = [work.store.artifacts.info(digest) for digest in work.store.artifacts.children(snapshot)]
    found = [info for info in infos if info.kind == kind]
    if not found:
        raise NotFound(
            f"no {kind} is kept of snapshot {snapshot[:12]}", hint="build it again: luthier data build --force"
        )
    return max(found, key=lambda info: (info.created_at, info.digest)).digest


def _row_list(work: Workspace, snapshot: str) -> pl.DataFrame:
    digest = work.fetch(snapshot, Manifest).rows
    return pl.read_parquet(io.BytesIO(work.store.artifacts.get_bytes(digest)))


def _moved(shared: pl.DataFrame) -> Iterator[Moved]:
    between = shared.filter(pl.col("split") != pl.col("split_after"))
    for (before, after), rows in sorted(between.partition_by("split", "split_after", as_dict=True).items()):
        yield Moved(before=before, after=after, rows=len(rows), ids=_ids(rows))


def _ids(rows: pl.DataFrame) -> tuple[str, ...]:
    return tuple(rows["id"].head(_NAMED).to_list())
