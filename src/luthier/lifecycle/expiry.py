"""Rows past their retention, out of all that is kept of the gold set and of earlier snapshots."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from luthier.data.plan.bodies import batch_of
from luthier.data.readers.sources import shown
from luthier.domain.examples import Example
from luthier.domain.snapshots import Bodies, GoldSet
from luthier.domain.value import Json, Value
from luthier.domain.withdrawals import Erased, person_key
from luthier.errors import Forbidden
from luthier.lifecycle.absence import standing
from luthier.lifecycle.erasing import Eraser
from luthier.lifecycle.erasing_records import erase_records, erase_work_files
from luthier.lifecycle.holdings import Person
from luthier.lifecycle.salt import project_salt
from luthier.lifecycle.withdrawal import MAY_WITHDRAW
from luthier.lifecycle.workspace import Workspace
from luthier.store import Principal

_READ = ["id", "source", "collected_on"]


class Expiry(Value):
    """Rows whose time is over, and what was erased of them."""

    on: date
    rows: Mapping[str, int] = Field(description="Source -> different rows that are past its retention.")
    erased: Erased | None = Field(default=None, description="None: they were listed, and are kept still.")


@dataclass(frozen=True)
class Overdue(Person):
    """Rows by their own day, since a row may have been edited under its id and have a later one."""

    ends: Mapping[str, date] = field(default_factory=dict)

    def owns(self, row: Example) -> bool:
        """Whether a row that is kept is past its retention."""
        end = self.ends.get(row.source)
        return end is not None and row.collected_on is not None and row.collected_on < end

    def mine(self, batch: pa.RecordBatch) -> list[bool]:
        """Which rows of a batch with `source` and `collected_on` are past their retention."""
        found: list[bool] = _are_over(batch, self.ends).to_pylist()
        return found


def list_expired(work: Workspace) -> Expiry:
    """The rows that are kept somewhere and past the retention of their source; nothing is changed."""
    return Expiry(on=work.clock().date(), rows=_counted(_expired(work)))


def expire(work: Workspace, *, by: Principal) -> Expiry:
    """What was erased of the rows past their retention; whoever was killed in the middle runs it again.

    Manifests and row lists stay as they were, since they hold salted digests alone.

    Raises:
        Forbidden: Their role may not.

    """
    if not by.roles & MAY_WITHDRAW:
        told = ", ".join(sorted(MAY_WITHDRAW))
        raise Forbidden(f"{by.name!r} may not erase rows", hint=f"the roles that may: {told}")
    found, today, salt = _expired(work), work.clock().date(), project_salt(work)
    name = f"retention-{today}"
    overdue = Overdue(frozenset(person_key(row, salt) for row in found), salt, _ends(work))
    eraser = Eraser(work, overdue, frozenset(found), served=frozenset(), withdrawal=name, by=by.name)
    eraser.erase_artifacts()
    erase_records(eraser)
    erase_work_files(eraser)
    erased = Erased.model_validate(dict(eraser.counts))
    detail: dict[str, Json] = {"rows": {**_counted(found)}, **erased.model_dump(mode="json")}
    work.store.audit.append(by.name, "data.expired", name, detail, now=work.clock())
    return Expiry(on=today, rows=_counted(found), erased=erased)


def _expired(work: Workspace) -> dict[str, str]:
    """Id -> source of every row that is kept and past its retention."""
    ends = _ends(work)
    found: dict[str, str] = {}
    for batch in _kept(work) if ends else ():
        over = batch.filter(_are_over(batch, ends))
        found |= dict(zip(over["id"].to_pylist(), over["source"].to_pylist(), strict=True))
    return found


def _ends(work: Workspace) -> dict[str, date]:
    """Source -> the first day whose rows may still be kept."""
    return {
        shown(source.path): work.clock().date() - timedelta(days=source.retention_days)
        for source in work.config.data.sources
        if source.retention_days is not None
    }


def _are_over(batch: pa.RecordBatch, ends: Mapping[str, date]) -> pa.BooleanArray:
    """Which rows of a batch with `source` and `collected_on` are past their retention."""
    is_over = pa.array([False] * batch.num_rows)
    for source, end in ends.items():
        mine = pc.and_(pc.equal(batch["source"], source), pc.less(batch["collected_on"], pa.scalar(end, pa.date32())))
        is_over = pc.or_(is_over, pc.fill_null(mine, False))
    return is_over


def _kept(work: Workspace) -> Iterator[pa.RecordBatch]:
    """Id, source and day of every row in the parts and the gold sets that stand."""
    for digest in sorted({part.file_digest for bodies in standing(work, "bodies", Bodies) for part in bodies.parts}):
        data = work.store.artifacts.get_bytes(digest)
        yield from pq.ParquetFile(io.BytesIO(data)).iter_batches(columns=_READ)
    for gold in standing(work, "gold", GoldSet):
        yield batch_of(gold.examples).select(_READ)


def _counted(found: Mapping[str, str]) -> dict[str, int]:
    return dict(sorted(Counter(found.values()).items()))
