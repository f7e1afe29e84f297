"""Who did what: the append-only, hash-chained audit log."""

from collections.abc import Mapping
from datetime import datetime

from luthier.domain.value import Json
from luthier.store.chain import ChainCheck, ChainHead, HashChain
from luthier.store.database import Database
from luthier.store.row import Digest, Moment, Name, Row
from luthier.store.tables import AuditTable


class AuditEntry(Row):
    """One deed, sealed into the chain."""

    seq: int
    at: Moment
    actor: Name
    action: Name
    subject: Name
    detail: Mapping[str, Json]
    previous_hash: Digest
    hash: Digest


class AuditLog:
    """Append-only; `verify` names the first entry that is not what was appended."""

    def __init__(self, database: Database) -> None:
        self._chain = HashChain(database, AuditTable, _body)

    def append(
        self, actor: str, action: str, subject: str, detail: Mapping[str, Json] | None = None, *, now: datetime
    ) -> AuditEntry:
        """The entry, once it is durable."""
        row = AuditTable(at=now, actor=actor, action=action, subject=subject, detail=dict(detail or {}))
        return _entry(self._chain.append(row))

    def entries(self, since: datetime | None = None, until: datetime | None = None) -> list[AuditEntry]:
        """Entries from `since` up to but without `until`, oldest first."""
        return [_entry(row) for row in self._chain.rows(since, until)]

    def head(self) -> ChainHead:
        """The last entry's place and hash, to be anchored outside."""
        return self._chain.head()

    def verify(self, anchor: ChainHead | None = None) -> ChainCheck:
        """Whether every entry up to the end, or at least to `anchor`, is there and unchanged."""
        return self._chain.verify(anchor)


def _body(row: AuditTable) -> dict[str, Json]:
    return {"actor": row.actor, "action": row.action, "subject": row.subject, "detail": row.detail}


def _entry(row: AuditTable) -> AuditEntry:
    return AuditEntry.model_validate({name: getattr(row, name) for name in AuditEntry.model_fields})
