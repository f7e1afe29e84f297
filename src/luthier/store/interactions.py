"""Requests served and what was said of them. Writing twice changes nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import Text, or_, select, type_coerce, update

from luthier.domain.value import Json
from luthier.errors import NotFound
from luthier.store.database import Database, insert_missing
from luthier.store.row import Digest, Exact, Moment, Name, Row
from luthier.store.tables import FeedbackTable, InteractionTable

_ERASED_AT_ONCE = 500


class InteractionRow(Row):
    """One request served; texts are kept as the retention rules of the caller allow."""

    id: Name
    at: Moment
    user_key: Name = Field(description="Salted hash of the user; never the name.")
    release_id: Name
    variant_digest: Digest
    arm: Literal["stable", "canary", "fallback"]
    request: Json
    response_text: str | None
    status_code: int
    latency_seconds: float = Field(ge=0, allow_inf_nan=False)
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    cost: Exact
    guards: Mapping[str, Json] = Field(default_factory=dict)
    error: str | None = None


class FeedbackRow(Row):
    """One thing said of one interaction; the same kind at the same moment is the same feedback."""

    interaction_id: Name
    at: Moment
    kind: Literal["thumb", "score", "edit", "solved", "escalation"]
    value: Json


class Interactions:
    """The log of the data plane, from which rollout and monitoring judge."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_many(self, rows: Sequence[InteractionRow]) -> None:
        """Returns once all are durable; an id that is known already keeps its first row."""
        with self._database.write() as session:
            insert_missing(session, InteractionTable, [dict(row) | {"guards": dict(row.guards)} for row in rows])

    def add_feedback(self, feedback: FeedbackRow) -> None:
        """Returns once it is durable; NotFound where no such interaction is kept."""
        with self._database.write() as session:
            if session.get(InteractionTable, feedback.interaction_id) is None:
                raise NotFound(f"no interaction {feedback.interaction_id!r} is kept", hint="use the id of the response")
            insert_missing(session, FeedbackTable, [dict(feedback)])

    def get(self, interaction_id: str) -> InteractionRow:
        """One interaction by the id of its response."""
        with self._database.read() as session:
            row = session.get(InteractionTable, interaction_id)
            if row is None:
                raise NotFound(f"no interaction {interaction_id!r} is kept", hint="use the id of the response")
            return _interaction(row)

    def ids_of(self, *, user_keys: Collection[str] = (), ids: Collection[str] = ()) -> list[str]:
        """The ids of these users' interactions and those of `ids` that are kept, sorted."""
        mine = or_(InteractionTable.user_key.in_(user_keys), InteractionTable.id.in_(ids))
        with self._database.read() as session:
            return sorted(session.scalars(select(InteractionTable.id).where(mine)))

    def erase_texts(self, ids: Collection[str]) -> int:
        """How many of these interactions had texts, which are gone now; figures and verdicts stay."""
        had = 0
        with self._database.erase() as session:
            for interaction_id in sorted(ids):
                row = session.get_one(InteractionTable, interaction_id)
                had += (row.request, row.response_text, row.error) != (None, None, None)
                row.request = row.response_text = row.error = None
                edits = (FeedbackTable.interaction_id == interaction_id, FeedbackTable.kind == "edit")
                session.execute(update(FeedbackTable).where(*edits).values(value=None))
        return had

    def expire_texts(self, before: datetime) -> int:
        """How many interactions older than `before` lost their texts now; figures, faults and verdicts stay."""
        table = InteractionTable
        texts = (type_coerce(table.request, Text), type_coerce(table.response_text, Text))
        old = (table.at < before, or_(*[text != "null" for text in texts]))
        with self._database.read() as session:
            ids = list(session.scalars(select(table.id).where(*old)))
        if not ids:
            return 0
        with self._database.erase() as session:
            for start in range(0, len(ids), _ERASED_AT_ONCE):
                some = ids[start : start + _ERASED_AT_ONCE]
                session.execute(update(table).where(table.id.in_(some)).values(request=None, response_text=None))
                edits = (FeedbackTable.interaction_id.in_(some), FeedbackTable.kind == "edit")
                session.execute(update(FeedbackTable).where(*edits).values(value=None))
        return len(ids)

    def query(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        release: str | None = None,
        limit: int | None = None,
    ) -> list[InteractionRow]:
        """Interactions from `since` up to but without `until`, oldest first, at most `limit`."""
        wanted = select(InteractionTable).order_by(InteractionTable.at, InteractionTable.id).limit(limit)
        if since is not None:
            wanted = wanted.where(InteractionTable.at >= since)
        if until is not None:
            wanted = wanted.where(InteractionTable.at < until)
        if release is not None:
            wanted = wanted.where(InteractionTable.release_id == release)
        with self._database.read() as session:
            return [_interaction(row) for row in session.scalars(wanted)]

    def feedback(
        self, since: datetime | None = None, until: datetime | None = None, interaction_id: str | None = None
    ) -> list[FeedbackRow]:
        """Feedback given from `since` up to but without `until`, oldest first."""
        order = (FeedbackTable.at, FeedbackTable.interaction_id, FeedbackTable.kind)
        wanted = select(FeedbackTable).order_by(*order)
        if since is not None:
            wanted = wanted.where(FeedbackTable.at >= since)
        if until is not None:
            wanted = wanted.where(FeedbackTable.at < until)
        if interaction_id is not None:
            wanted = wanted.where(FeedbackTable.interaction_id == interaction_id)
        with self._database.read() as session:
            return [_feedback(row) for row in session.scalars(wanted)]


def _interaction(row: InteractionTable) -> InteractionRow:
    return InteractionRow.model_validate({name: getattr(row, name) for name in InteractionRow.model_fields})


def _feedback(row: FeedbackTable) -> FeedbackRow:
    return FeedbackRow.model_validate({name: getattr(row, name) for name in FeedbackRow.model_fields})
