"""From files to examples: every fault of every file is told at once."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from luthier.data.config import DataConfig
from luthier.data.readers import Fault, origin_of, parts_of_bytes, read_part
from luthier.data.types import SourceFile, SourceRow
from luthier.domain.examples import Example
from luthier.domain.value import Value
from luthier.errors import Faults

_TOLD = 50


class FaultList:
    """The first faults as `file:line: what`, and how many there were in all."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self.count = 0

    def add(self, place: str, fault: Fault) -> None:
        """One more; beyond the first fifty only the number grows."""
        self.count += 1
        if self.count <= _TOLD:
            self._told.append(f"{place}:{fault.line}: {fault.what}")

    def first(self, count: int) -> list[str]:
        """The first faults, at most `count` and fifty of them."""
        return self._told[:count]

    def refuse(self) -> None:
        """Raise Faults where there is any."""
        if self.count:
            told = [*self._told, *([f"and {self.count - _TOLD} more"] if self.count > _TOLD else [])]
            raise Faults("the data", told, hint="mend or remove these lines; nothing was kept")


class Ingested(Value):
    """The rows of all files in order, and the format each file was read as."""

    rows: tuple[SourceRow, ...]
    formats: tuple[str, ...]


def ingest(files: Sequence[SourceFile], config: DataConfig) -> Ingested:
    """Every row of every file, in memory.

    Raises:
        Faults: Lines that cannot be read, or that say one id twice; all of them, as `file:line: what`.

    """
    rows: list[SourceRow] = []
    faults = FaultList()
    formats: list[str] = []
    seen: dict[str, str] = {}
    for file in files:
        origin = origin_of(file.config, config)
        names: list[str] = []
        for part in parts_of_bytes(file.path, file.content):
            for item in read_part(part, file.config.format, origin):
                names.append(item.format)
                if not isinstance(item.content, Fault):
                    rows += _new_rows(item.content, item.place, seen, faults)
                elif item.content.blocking:
                    faults.add(item.place, item.content)
        formats.append(names[0] if names else file.config.format)
    faults.refuse()
    return Ingested(rows=tuple(rows), formats=tuple(formats))


def rows_of_batch(batch: pa.RecordBatch) -> Iterator[SourceRow]:
    """The rows of a batch as values; what an example cannot hold (tools, a rejected answer) stays in the batch."""
    for row in batch.to_pylist():
        example = Example(
            id=row["id"],
            messages=row["messages"],
            strata=dict(row["strata"]),
            source=row["source"],
            lawful_basis=row["lawful_basis"],
            subject=row["subject"],
            group=row["group"],
        )
        yield SourceRow(example=example, collected_on=row["collected_on"])


def _new_rows(batch: pa.RecordBatch, place: str, seen: dict[str, str], faults: FaultList) -> Iterator[SourceRow]:
    """The rows whose id was not used before."""
    for row_id, line in zip(batch["id"].to_pylist(), batch["line"].to_pylist(), strict=True):
        if row_id in seen:
            faults.add(place, Fault(line=line, what=f"the id was used before, at {seen[row_id]}"))
        else:
            seen[row_id] = f"{place}:{line}"
    if not faults.count:
        yield from rows_of_batch(batch)
