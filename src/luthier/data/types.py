"""What goes into the data stage and what comes out of it."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Protocol

from pydantic import Field

from luthier.data.card import DataCard
from luthier.data.config import SourceConfig
from luthier.domain.examples import Example
from luthier.domain.snapshots import GoldSet, Manifest, Part
from luthier.domain.value import Value


class Ports(Protocol):
    """All that this stage needs and cannot be handed as a value."""

    def progress(self, step: str, done: int, of: int) -> None:
        """Told after every step, for people who wait."""
        ...


class SourceFile(Value):
    """One source: how the project calls it, the folder its path starts from, the digest of its bytes, its section."""

    path: str
    folder: Path
    file_digest: str
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
    """A snapshot: the manifest that stays, the files of rows that can be erased, and the card that people read."""

    gold: GoldSet
    manifest: Manifest
    parts: tuple[Part, ...]
    folder: Path = Field(description="Where the parts, `rows.parquet` and `dropped.parquet` lie.")
    masked: Mapping[str, int] = Field(description="PII spans masked, by entity.")
    card: DataCard
    first_end: date | None = Field(default=None, description="The first day on which a row read is past its retention.")
