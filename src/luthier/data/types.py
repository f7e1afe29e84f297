"""What goes into the data stage and what comes out of it."""

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from pydantic import Field

from luthier.data.card import DataCard
from luthier.data.config import SourceConfig
from luthier.domain.examples import Example
from luthier.domain.snapshots import GoldSet, Manifest
from luthier.domain.value import Value


class Ports(Protocol):
    """All that this stage needs and cannot be handed as a value."""

    def progress(self, step: str, done: int, of: int) -> None:
        """Told after every step, for people who wait."""
        ...


class SourceFile(Value):
    """One source as it was read: where it stands in the project, its bytes, its section."""

    path: str
    content: bytes = Field(repr=False)
    config: SourceConfig


class SourceRow(Value):
    """One row as a reader gave it, with the day it was collected where it says so."""

    example: Example
    collected_on: date | None = None


class Dropped(Value):
    """One row that was left out, and why."""

    id: str
    reason: str
    detail: str = ""


class DataResult(Value):
    """A snapshot: the manifest that stays, the rows that can be erased, and the card that people read."""

    gold: GoldSet
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    manifest: Manifest
    dropped: tuple[Dropped, ...]
    masked: Mapping[str, int] = Field(description="PII spans masked, by entity.")
    card: DataCard
