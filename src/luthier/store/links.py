"""Results of the chain of evidence: what each link last came to, and how it got there."""

from typing import Literal

from sqlalchemy import select

from luthier.store.database import Database
from luthier.store.row import Digest, Moment, Name, Row
from luthier.store.tables import LinkTable

LinkState = Literal["done", "refused", "waiting"]


class LinkRow(Row):
    """One result of one link; `name` tells apart several of a kind, such as the reports of the variants."""

    project: Name
    link: Name
    name: str = ""
    fingerprint: Name
    digest: Digest | None
    state: LinkState
    reason: str
    parents: tuple[Digest, ...]
    at: Moment


class Links:
    """Append-only: a re-run is a new row and the latest row counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, row: LinkRow) -> None:
        """Returns once the result is durable."""
        with self._database.write(turn="links") as session:
            session.add(LinkTable(**dict(row) | {"parents": list(row.parents)}))

    def latest(self, project: str, link: str, name: str = "") -> LinkRow | None:
        """The last result of a link, or None before its first."""
        wanted = select(LinkTable).where(LinkTable.project == project, LinkTable.link == link, LinkTable.name == name)
        with self._database.read() as session:
            row = session.scalars(wanted.order_by(LinkTable.seq.desc()).limit(1)).first()
            return None if row is None else _row(row)

    def history(self, project: str) -> list[LinkRow]:
        """Every result of a project, oldest first."""
        with self._database.read() as session:
            rows = session.scalars(select(LinkTable).where(LinkTable.project == project).order_by(LinkTable.seq))
            return [_row(row) for row in rows]


def _row(row: LinkTable) -> LinkRow:
    return LinkRow.model_validate({name: getattr(row, name) for name in LinkRow.model_fields})
