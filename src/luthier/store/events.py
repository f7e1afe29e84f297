"""Event streams: what happened to one thing, in the order in which it was accepted, so that it can be replayed."""

from datetime import datetime

from sqlalchemy import func, select

from luthier.domain.value import Json
from luthier.errors import Busy
from luthier.store.database import Database
from luthier.store.row import Moment, Name, Row
from luthier.store.tables import EventTable


class Event(Row):
    """One event; `seq` counts from 1 within its stream."""

    stream: Name
    seq: int
    kind: Name
    payload: Json
    at: Moment


class Events:
    """Append-only streams; who appends says which event they have seen last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, stream: str, expected_seq: int, kind: str, payload: Json, at: datetime) -> Event:
        """The event at `expected_seq + 1`, once it is durable; Busy when the stream has moved on. 0 is before any."""
        event = Event(stream=stream, seq=expected_seq + 1, kind=kind, payload=payload, at=at)
        with self._database.write(turn=f"events/{stream}") as session:
            last = session.scalar(select(func.max(EventTable.seq)).where(EventTable.stream == stream)) or 0
            if last != expected_seq:
                raise Busy(
                    f"the stream {stream!r} is at event {last}, not {expected_seq}",
                    hint="read it again and decide anew",
                )
            session.add(EventTable(**dict(event)))
        return event

    def read(self, stream: str, after: int = 0) -> list[Event]:
        """The events of a stream with `seq` > `after`, oldest first."""
        wanted = select(EventTable).where(EventTable.stream == stream, EventTable.seq > after).order_by(EventTable.seq)
        with self._database.read() as session:
            return [_event(row) for row in session.scalars(wanted)]

    def rewrite(self, stream: str, seq: int, payload: Json) -> None:
        """The event says `payload` from now on: for texts that a person has withdrawn, and nothing else."""
        with self._database.erase() as session:
            row = session.get_one(EventTable, (stream, seq))
            row.payload = payload

    def streams(self, prefix: str = "") -> list[str]:
        """The names of all streams that begin with `prefix`, sorted."""
        wanted = select(EventTable.stream).where(EventTable.stream.startswith(prefix, autoescape=True)).distinct()
        with self._database.read() as session:
            return sorted(session.scalars(wanted))


def _event(row: EventTable) -> Event:
    return Event.model_validate({name: getattr(row, name) for name in Event.model_fields})
