"""Turns what a database or disk reports, by its code and never by its text, into one clear error."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from luthier.errors import Busy, LuthierError, StorageFault

_INTACT = "free or repair it and run again; what was acknowledged before is intact"
_SQLITE = {
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "its disk reported a fault",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is not an SQLite database",
    sqlite3.SQLITE_PERM: "access to it is not permitted",
    sqlite3.SQLITE_AUTH: "access to it is not permitted",
}
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_POSTGRES = {  # classes of SQLSTATE, and single codes where the class is too wide
    "53100": "its disk is full",
    "53": "it has no resources left",
    "25006": "it is read-only",
    "08": "the connection was lost",
    "28": "it refused the credential",
    "3D": "no database has that name",
    "57P": "it is shutting down or starting",
    "58": "its disk reported a fault",
    "XX": "its files are damaged",
}
_POSTGRES_BUSY = {"55P03", "40P01", "40001"}


@contextmanager
def database_faults(where: str) -> Iterator[None]:
    """Raises StorageFault or Busy in place of a driver's error; a broken law of the tables passes through."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as fault:
        told = _told(fault, where)
        if told is None:
            raise
        raise told from fault
    except PoolTimeout as fault:
        raise Busy(f"every connection to {where} is in use", hint="try again in a moment") from fault


@contextmanager
def disk_faults(where: str) -> Iterator[None]:
    """Raises StorageFault in place of the operating system's error."""
    try:
        yield
    except OSError as fault:
        full = fault.errno in {errno.ENOSPC, errno.EDQUOT}
        why = "it is full" if full else (fault.strerror or type(fault).__name__)
        raise StorageFault(f"the disk at {where} failed: {why}", hint=_INTACT) from fault


def _told(fault: DBAPIError, where: str) -> LuthierError | None:
    why, busy = _from_sqlite(fault.orig) if isinstance(fault.orig, sqlite3.Error) else _from_postgres(fault)
    if busy:
        return Busy(f"{where} stayed locked by another process", hint="wait for it to finish, then run again")
    return StorageFault(f"the database {where} failed: {why}", hint=_INTACT) if why else None


def _from_sqlite(fault: sqlite3.Error) -> tuple[str | None, bool]:
    primary = getattr(fault, "sqlite_errorcode", 0) & 0xFF  # the high bits only refine it
    return _SQLITE.get(primary), primary in _SQLITE_BUSY


def _from_postgres(fault: DBAPIError) -> tuple[str | None, bool]:
    state: str | None = getattr(fault.orig, "sqlstate", None)
    if state is None:
        return ("it cannot be reached" if type(fault.orig).__name__ == "OperationalError" else None), False
    known = (_POSTGRES.get(state[:length]) for length in (5, 3, 2))
    return next((why for why in known if why), None), state in _POSTGRES_BUSY
