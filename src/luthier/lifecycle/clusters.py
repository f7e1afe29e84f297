"""Rows that say the same, in clusters: copies, near copies, and the same in other words."""

import io
from collections.abc import Iterator
from itertools import islice

import pyarrow.parquet as pq

from luthier.domain.snapshots import SPLITS
from luthier.domain.value import Value
from luthier.lifecycle.rows import rows_of
from luthier.lifecycle.snapshots import dropped_rows
from luthier.lifecycle.workspace import Workspace

_LEVELS = {"exact_duplicate": "exact", "near_duplicate": "near", "semantic_duplicate": "semantic"}


class Member(Value):
    """One row of a cluster: how it says the same, and its question where the snapshot holds it."""

    id: str
    level: str
    is_kept: bool
    asked: str | None


class Cluster(Value):
    """The row that stands for all, and those that say the same."""

    first: Member
    others: tuple[Member, ...]


def clusters(work: Workspace, *, limit: int) -> list[Cluster]:
    """The largest clusters of the current snapshot, at most `limit`; rows are linked through one another."""
    told = {row: (first, level, is_kept) for first, row, level, is_kept in _links(work)}

    def head(row: str) -> str:
        while row in told:
            row = told[row][0]
        return row

    found: dict[str, list[str]] = {}
    for row in told:
        found.setdefault(head(row), []).append(row)
    chosen = list(islice(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])), limit))
    asked = _asked(work, {row for first, others in chosen for row in (first, *others)})
    return [
        Cluster(
            first=Member(id=first, level="first", is_kept=first in asked, asked=asked.get(first)),
            others=tuple(
                Member(id=row, level=told[row][1], is_kept=told[row][2], asked=asked.get(row)) for row in sorted(others)
            ),
        )
        for first, others in chosen
    ]


def _links(work: Workspace) -> Iterator[tuple[str, str, str, bool]]:
    """First row, row, level, and whether the row stays."""
    for row in dropped_rows(work):
        if row["reason"] in _LEVELS:
            yield row["detail"], row["id"], _LEVELS[row["reason"]], False
    similar = pq.ParquetFile(io.BytesIO(work.store.artifacts.get_bytes(work.require("data", "similar"))))
    for batch in similar.iter_batches():
        for pair in batch.to_pylist():
            yield pair["first"], pair["id"], "semantic", True


def _asked(work: Workspace, ids: set[str]) -> dict[str, str]:
    """The questions of those rows that the snapshot holds."""
    return {row.id: row.asked for split in SPLITS for row in rows_of(work, split) if row.id in ids}
