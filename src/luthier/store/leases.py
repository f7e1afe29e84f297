"""Leases: who may do one named thing at a time. A lease ends by itself, so a dead holder blocks nobody for ever."""

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from luthier.errors import Busy
from luthier.store.database import Database
from luthier.store.row import Moment, Name, Row
from luthier.store.tables import LeaseTable


class Owner(Row):
    """A process that may hold leases; `machine` tells process ids of different machines and containers apart."""

    name: Name
    machine: Name
    pid: int

    @classmethod
    def here(cls, name: str) -> Self:
        """The process that asks, under a name that people will recognise."""
        return cls(name=name, machine=_machine(), pid=os.getpid())

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid} on {self.machine.split('/')[0]})"


class Lease(Row):
    """A lease as it is held."""

    name: Name
    owner: Owner
    acquired_at: Moment
    expires_at: Moment


class Leases:
    """At most one holder per name, across processes and machines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, name: str, owner: Owner, ttl_seconds: float, now: datetime) -> Lease:
        """The lease, or Busy naming its holder; a lease that expired or whose process here is dead is taken over."""
        wanted = Lease(name=name, owner=owner, acquired_at=now, expires_at=now + timedelta(seconds=ttl_seconds))
        with self._database.write(turn=f"lease/{name}") as session:
            row = session.get(LeaseTable, name)
            held = _lease(row) if row else None
            if held and held.owner != owner and held.expires_at > now and not _is_dead(held.owner):
                raise Busy(
                    f"{name!r} is held by {held.owner} until {held.expires_at:%Y-%m-%d %H:%M:%S} UTC",
                    hint="wait for it to finish, or stop it",
                )
            session.merge(_table(wanted))
        return wanted

    def renew(self, name: str, owner: Owner, ttl_seconds: float, now: datetime) -> Lease:
        """The lease with a later end, or Busy when somebody else took it over."""
        with self._database.write(turn=f"lease/{name}") as session:
            row = session.get(LeaseTable, name)
            held = _lease(row) if row else None
            if held is None or held.owner != owner:
                holder = f"is held by {held.owner}" if held else "was given back"
                raise Busy(f"the lease {name!r} was lost: it {holder}", hint="stop, and start again")
            renewed = held.model_copy(update={"expires_at": now + timedelta(seconds=ttl_seconds)})
            session.merge(_table(renewed))
        return renewed

    def release(self, name: str, owner: Owner) -> None:
        """Gives the lease back; nothing happens where `owner` does not hold it."""
        with self._database.write(turn=f"lease/{name}") as session:
            row = session.get(LeaseTable, name)
            if row is not None and _lease(row).owner == owner:
                session.delete(row)

    def holder(self, name: str, now: datetime) -> Lease | None:
        """The lease that is in force, or None."""
        with self._database.read() as session:
            row = session.get(LeaseTable, name)
            return _lease(row) if row and row.expires_at > now and not _is_dead(_lease(row).owner) else None


def _machine() -> str:
    """The host's name, its boot and its process namespace: one process id means one process within all three."""
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if not (boot.exists() and namespace.exists()):
        return socket.gethostname()
    return f"{socket.gethostname()}/{boot.read_text().strip()}/{namespace.readlink()}"


def _is_dead(owner: Owner) -> bool:
    if owner.machine != _machine():
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _lease(row: LeaseTable) -> Lease:
    owner = Owner(name=row.owner, machine=row.machine, pid=row.pid)
    return Lease(name=row.name, owner=owner, acquired_at=row.acquired_at, expires_at=row.expires_at)


def _table(lease: Lease) -> LeaseTable:
    return LeaseTable(
        name=lease.name,
        owner=lease.owner.name,
        machine=lease.owner.machine,
        pid=lease.owner.pid,
        acquired_at=lease.acquired_at,
        expires_at=lease.expires_at,
    )
