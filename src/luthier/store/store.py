"""The one door to everything that is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from luthier.store.artifacts import Artifacts
from luthier.store.audit import AuditLog
from luthier.store.database import Database
from luthier.store.events import Events
from luthier.store.identity import Identity
from luthier.store.interactions import Interactions
from luthier.store.leases import Leases
from luthier.store.ledger import Ledger
from luthier.store.links import Links
from luthier.store.objects import Objects
from luthier.store.releases import Releases
from luthier.store.schema import migrate


class Store:
    """Everything one project keeps. Safe to share between threads; each process opens its own."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self.artifacts = Artifacts(database, objects)
        self.links = Links(database)
        self.audit = AuditLog(database)
        self.ledger = Ledger(database)
        self.interactions = Interactions(database)
        self.releases = Releases(database)
        self.events = Events(database)
        self.identity = Identity(database)
        self.leases = Leases(database)

    @classmethod
    def open(cls, url: str, artifacts_url: str) -> Self:
        """The store at `sqlite:///path` or `postgresql://...`, tables up to date, artifacts at an fsspec URL."""
        objects = Objects(artifacts_url)
        database = Database(url)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database, objects)

    @contextmanager
    def together(self) -> Iterator[None]:
        """A deed and what is told of it in one: all that this thread writes inside lasts, or none of it does.

        What is read inside is the state from before. Artifacts are bytes beside the database: put them before.
        """
        with self._database.together():
            yield

    def close(self) -> None:
        """Gives all connections back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
