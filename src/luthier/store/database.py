"""One database, SQLite or PostgreSQL, with the same promises: durable commits, laws enforced, writers in turn."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from luthier.errors import UserError
from luthier.store.faults import database_faults, disk_faults
from luthier.store.tables import Table

LOCK_WAIT_SECONDS = 30
_PRAGMAS = (
    f"PRAGMA busy_timeout={LOCK_WAIT_SECONDS * 1000}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
)
_WRITES = "luthier_writes"


class Database:
    """Sessions on one database; every read sees one state, every write is all or nothing."""

    def __init__(self, url: str) -> None:
        self._url = _understood(url)
        self.where = self._url.render_as_string(hide_password=True)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self._url) if self.is_sqlite else _postgres_engine(self._url)
        self._writer = self.engine.execution_options(**{_WRITES: True})
        self._shared = threading.local()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading only."""
        with database_faults(self.where), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self, *, turn: str | None = None) -> Iterator[Session]:
        """A session that commits as a whole; those who name the same `turn` wait for each other, across processes."""
        with self.together() as session:
            if turn is not None:
                self.wait_turn(session.connection(), turn)
            yield session
            session.flush()  # a broken law is told to whoever broke it, and not to whoever began

    @contextmanager
    def together(self) -> Iterator[Session]:
        """One transaction for all that this thread writes inside: all of it lasts, or nothing.

        What is read inside is the state from before.
        """
        begun: Session | None = getattr(self._shared, "session", None)
        if begun is not None:
            yield begun
            return
        with database_faults(self.where), Session(self._writer, expire_on_commit=False) as session, session.begin():
            self._shared.session = session
            try:
                yield session
            finally:
                self._shared.session = None

    @contextmanager
    def erase(self) -> Iterator[Session]:
        """A session like that of `write`, after which what it overwrote lies in no file of SQLite any more.

        PostgreSQL keeps overwritten rows until its next VACUUM.
        """
        with self.write() as session:
            if self.is_sqlite:
                session.connection().exec_driver_sql("PRAGMA secure_delete=ON")
            yield session
        if self.is_sqlite:
            with database_faults(self.where), self.engine.connect() as connection:
                driver: Any = connection.connection.dbapi_connection
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def schema_change(self) -> Iterator[Connection]:
        """A connection in one transaction that no other schema change shares."""
        with database_faults(self.where), self._writer.begin() as connection:
            self.wait_turn(connection, "schema")
            yield connection

    def wait_turn(self, connection: Connection, turn: str) -> None:
        """Holds the named lock until the transaction ends; SQLite has one writer at a time anyway."""
        if not self.is_sqlite:
            key = int.from_bytes(hashlib.sha256(f"luthier/{turn}".encode()).digest()[:8], "big", signed=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


def insert_missing(session: Session, table: type[Table], rows: Sequence[dict[str, object]]) -> None:
    """Adds the rows whose key is new and leaves the others as they are."""
    if not rows:
        return
    connection, target = session.connection(), Table.metadata.tables[table.__tablename__]
    if connection.dialect.name == "sqlite":
        connection.execute(sqlite.insert(target).on_conflict_do_nothing(), rows)
    else:
        connection.execute(postgresql.insert(target).on_conflict_do_nothing(), rows)


def _understood(text_url: str) -> URL:
    try:
        url = make_url(text_url)
    except ArgumentError as fault:
        raise UserError(
            "the database address cannot be read", hint="write sqlite:///path or postgresql://..."
        ) from fault
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise UserError(
        f"{url.render_as_string(hide_password=True)!r} is not a database that lasts",
        hint="write sqlite:///path or postgresql://...",
    )


def _sqlite_engine(url: URL) -> Engine:
    folder = Path(url.database or "").absolute().parent
    with disk_faults(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True)  # they may be personal; errors do not repeat them
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres_engine(url: URL) -> Engine:
    return create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", hide_parameters=True)


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    driver: Any = connection
    driver.isolation_level = None  # the driver would begin transactions by itself, and too late to lock
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that reads first could not write after another wrote in between.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
