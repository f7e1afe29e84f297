"""What readers are told and what they tell: where rows come from, the rows, and what is wrong with the rest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, NamedTuple, TypeAlias

import pyarrow as pa

from luthier.domain.value import Json, Value

MAX_ROW_BYTES = 4_000_000
"""Longer lines, records and cells are no chat; they would only fill the memory."""

Object: TypeAlias = dict[str, Json]


@dataclass(frozen=True)
class Origin:
    """Where rows come from and what holds for all of them; a row's own tags go before it."""

    source: str
    """As the project file names it."""
    lawful_basis: str
    place: str = ""
    """What ids and faults begin with: the file within the source; the source itself where empty."""
    synthetic: bool = False
    group_by: str | None = None
    stratify_by: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field of Luthier -> name in the file."""
    compose: Mapping[str, str] = field(default_factory=dict)
    """Field of Luthier -> template over the fields of the record."""
    ours: tuple[str, ...] = ()
    """Mail addresses, domains (`@firm.example`) and author ids whose words are answers."""
    query: str | None = None
    first_line: int = 1
    """Line of the file at which the stream begins."""

    @property
    def where(self) -> str:
        """What ids begin with."""
        return self.place or self.source

    def at(self, *, place: str = "", first_line: int = 1) -> "Origin":
        """The same origin for one file of a folder, or for a piece of a file."""
        return replace(self, place=place or self.place, first_line=first_line)


class Fault(Value):
    """What is wrong with one line or record, without quoting it."""

    line: int
    what: str
    blocking: bool = True
    """False where the record is as it should be and holds nothing to learn from, such as a mail nobody answered."""


class Record(NamedTuple):
    """One record of a file before anybody knows what it means."""

    line: int
    """1-based: the line where the file has lines, else the number of the record."""
    row: Object
    size: int
    """Bytes, about."""


class Draft(NamedTuple):
    """One conversation as a reader understood it; `part` tells rows of one record apart."""

    messages: Sequence[tuple[str, str]]
    tags: Mapping[str, Json]
    tools: str | None = None
    rejected: str | None = None
    thread: str | None = None
    part: int | None = None
    liked: bool | None = None
    """What a person thought of the last message, where they judged it alone."""


class Malformed(Exception):
    """Why one record cannot be read."""


class NothingToLearn(Exception):
    """Why one record gives no row although nothing is wrong with it."""


Reader: TypeAlias = Callable[[BinaryIO, Origin], Iterator[pa.RecordBatch | Fault]]
"""From bytes to rows of `luthier.data.rows.SCHEMA`; batches are bounded in rows and bytes."""

Records: TypeAlias = Iterator[Record | Fault]
Convert: TypeAlias = Callable[[Object, Origin], Sequence[Draft]]
"""The conversations of one record. Raises Malformed or NothingToLearn."""
