"""Proof that nothing of a person is kept: a check over the salted digests of every row."""

import io
from collections.abc import Collection, Iterator
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from luthier.data.plan.bodies import batch_of
from luthier.data.plan.consent import are_erased
from luthier.domain.snapshots import Bodies, GoldSet, Manifest
from luthier.domain.value import Value
from luthier.domain.withdrawals import Absence
from luthier.errors import Refused
from luthier.lifecycle.salt import project_salt
from luthier.lifecycle.workspace import Workspace

V = TypeVar("V", bound=Value)
_WHOSE = ["id", "subject"]


def prove_absence(work: Workspace, snapshot: str, keys: Collection[str]) -> Absence:
    """That no row of `snapshot`, and no row kept of any other one, has one of the keys; kept as an artifact.

    Raises:
        Refused: Rows were found, or erased bytes still lie there.

    """
    salt = project_salt(work)
    listed, found_listed = _counted(listed_rows(work, snapshot), keys, salt)
    read, found_bodies = 0, 0
    for batches in standing_rows(work):
        rows, mine = _counted(batches, keys, salt)
        read, found_bodies = read + rows, found_bodies + mine
    proof = Absence(
        snapshot=snapshot,
        keys=tuple(sorted(keys)),
        listed_rows=listed,
        bodies_read=read,
        found_listed=found_listed,
        found_bodies=found_bodies,
        unfinished=tuple(work.store.artifacts.left_lying()),
    )
    if not proof.is_absent:
        raise Refused(
            f"{found_listed} rows of snapshot {snapshot[:12]} and {found_bodies} rows that are kept belong to people "
            f"who withdrew, and {len(proof.unfinished)} erased artifacts still have bytes",
            hint="run `luthier data withdraw` again for them, then `luthier data build`",
        )
    digest = work.keep(proof, kind="absence_proof", parents=[snapshot])
    work.record("data", "absence", fingerprint=snapshot, digest=digest, inputs={"snapshot": snapshot})
    work.voice.say(
        f"nothing of {len(keys)} withdrawn keys is among {listed} listed rows and {read} rows kept ({digest[:12]})"
    )
    return proof


def listed_rows(work: Workspace, snapshot: str) -> Iterator[pa.RecordBatch]:
    """Id, split and subject of every row that a snapshot was made of, whether its body is still kept or not."""
    rows = work.fetch(snapshot, Manifest).rows
    file = pq.ParquetFile(io.BytesIO(work.store.artifacts.get_bytes(rows)))
    yield from file.iter_batches(columns=["split", *_WHOSE])


def standing_rows(work: Workspace) -> Iterator[Iterator[pa.RecordBatch]]:
    """Id and subject of every row in the parts and the gold sets that stand, artifact by artifact."""
    parts = {part.file_digest for bodies in standing(work, "bodies", Bodies) for part in bodies.parts}
    for digest in sorted(parts):
        data = work.store.artifacts.get_bytes(digest)
        yield pq.ParquetFile(io.BytesIO(data)).iter_batches(columns=_WHOSE)
    for gold in standing(work, "gold", GoldSet):
        yield iter([batch_of(gold.examples).select(_WHOSE)])


def standing(work: Workspace, kind: str, of: type[V]) -> Iterator[V]:
    """The values of all artifacts of a kind, those excepted that an erasure replaced."""
    gone = {erasure.digest for erasure in work.store.artifacts.erasures()}
    return (work.fetch(info.digest, of) for info in work.store.artifacts.find(kind) if info.digest not in gone)


def _counted(batches: Iterator[pa.RecordBatch], keys: Collection[str], salt: str) -> tuple[int, int]:
    """Rows, and those of them that have one of the keys."""
    rows = mine = 0
    for batch in batches:
        rows += batch.num_rows
        mine += pc.sum(are_erased(batch, keys, salt)).as_py() or 0
    return rows, mine
