"""Releases as they were made, and who approved them."""

from typing import Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from luthier.domain.value import Json
from luthier.errors import Forbidden, NotFound, Refused
from luthier.store.database import Database
from luthier.store.row import Digest, Moment, Name, Row
from luthier.store.tables import ApprovalTable, ReleaseTable


class ReleaseRow(Row):
    """A release as it was made; `digest` is its artifact, `payload` whatever the maker keeps with it."""

    release_id: Name
    project: Name
    version: int = Field(ge=1)
    variant: Name
    digest: Digest
    author: Name
    at: Moment
    payload: Json = None


class ApprovalRow(Row):
    """One named person's decision on one release."""

    release_id: Name
    approver: Name
    decision: Literal["approve", "reject"]
    reason: str = Field(min_length=1)
    at: Moment


class Releases:
    """Append-only; nobody decides on their own release and nobody decides twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, release: ReleaseRow) -> None:
        """Returns once it is durable; the same release again changes nothing, another one under its name is refused."""
        try:
            with self._database.write() as session:
                known = session.get(ReleaseTable, release.release_id)
                if known is None:
                    session.add(ReleaseTable(**dict(release)))
                elif _release(known) != release:
                    raise Refused(f"release {release.release_id!r} exists and differs", hint="releases never change")
        except IntegrityError as fault:
            raise Refused(
                f"{release.project!r} already has a release of version {release.version}", hint="take the next version"
            ) from fault

    def get(self, release_id: str) -> ReleaseRow:
        """One release, or NotFound."""
        with self._database.read() as session:
            row = session.get(ReleaseTable, release_id)
            if row is None:
                raise NotFound(f"no release is called {release_id!r}", hint="list them with `luthier release list`")
            return _release(row)

    def all(self, project: str | None = None) -> list[ReleaseRow]:
        """Releases of one project or of all, oldest first."""
        wanted = select(ReleaseTable).order_by(ReleaseTable.at, ReleaseTable.version, ReleaseTable.release_id)
        if project is not None:
            wanted = wanted.where(ReleaseTable.project == project)
        with self._database.read() as session:
            return [_release(row) for row in session.scalars(wanted)]

    def approve(self, approval: ApprovalRow) -> None:
        """Records a decision; Forbidden for the author, Refused for a second decision of the same person."""
        author = self.get(approval.release_id).author
        if approval.approver.casefold() == author.casefold():
            raise Forbidden(
                f"{author!r} made release {approval.release_id!r} and cannot decide on it",
                hint="ask another person with the role `approver`",
            )
        try:
            with self._database.write() as session:
                session.add(ApprovalTable(**dict(approval), author=author))
        except IntegrityError as fault:
            raise Refused(
                f"{approval.approver!r} has already decided on release {approval.release_id!r}",
                hint="a decision stands; make a new release to ask again",
            ) from fault

    def approvals(self, release_id: str) -> list[ApprovalRow]:
        """All decisions on a release, oldest first."""
        wanted = select(ApprovalTable).where(ApprovalTable.release_id == release_id)
        with self._database.read() as session:
            rows = session.scalars(wanted.order_by(ApprovalTable.at, ApprovalTable.approver))
            return [_approval(row) for row in rows]


def _release(row: ReleaseTable) -> ReleaseRow:
    return ReleaseRow.model_validate({name: getattr(row, name) for name in ReleaseRow.model_fields})


def _approval(row: ApprovalTable) -> ApprovalRow:
    return ApprovalRow.model_validate({name: getattr(row, name) for name in ApprovalRow.model_fields})
