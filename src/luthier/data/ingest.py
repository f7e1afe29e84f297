"""From files to examples: tags become strata, groups and subjects, and every fault of every file is told at once."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from pydantic import ValidationError

from luthier.data.config import LAWFUL_BASES, DataConfig
from luthier.data.readers import Fault, Record, reader_for
from luthier.data.types import SourceFile, SourceRow
from luthier.domain.examples import Example
from luthier.domain.value import Json, Value
from luthier.errors import Faults

_TOLD = 50
_MAX_TAG_CHARACTERS = 100
_DATES = ("collected_on", "date", "created_at", "timestamp")
_NO_STRATA = {"id", "subject", "lawful_basis", *_DATES}


class Ingested(Value):
    """The rows of all files in order, and the format each file was read as."""

    rows: tuple[SourceRow, ...]
    formats: tuple[str, ...]


def ingest(files: Sequence[SourceFile], config: DataConfig) -> Ingested:
    """Every row of every file.

    Raises:
        Faults: Lines that cannot be read, or that say one id twice; all of them, as `file:line: what`.

    """
    rows: list[SourceRow] = []
    faults: list[str] = []
    formats: list[str] = []
    seen: dict[str, str] = {}
    for file in files:
        name, read = reader_for(file.config.format, file.path, file.content)
        formats.append(name)
        before = len(rows) + len(faults)
        for item in read(file.content):
            row = item if isinstance(item, Fault) else _source_row(item, file, config, seen)
            if isinstance(row, Fault):
                faults.append(f"{file.path}:{row.line}: {row.what}")
            else:
                rows.append(row)
        if len(rows) + len(faults) == before:
            faults.append(f"{file.path}:1: the file holds no rows")
    if faults:
        _raise(faults)
    return Ingested(rows=tuple(rows), formats=tuple(formats))


def _raise(faults: Sequence[str]) -> None:
    told = [*faults[:_TOLD], *([f"and {len(faults) - _TOLD} more"] if len(faults) > _TOLD else [])]
    raise Faults("the data", told, hint="mend or remove these lines; nothing was kept")


def _source_row(record: Record, file: SourceFile, config: DataConfig, seen: dict[str, str]) -> SourceRow | Fault:
    where = f"{file.path}:{record.line}"
    row_id = _tag(record.tags, "id") or where
    if row_id in seen:
        return Fault(line=record.line, what=f"the id was used before, at {seen[row_id]}")
    seen[row_id] = where
    basis = _tag(record.tags, "lawful_basis") or file.config.lawful_basis
    if basis not in LAWFUL_BASES:
        return Fault(line=record.line, what=f"the lawful basis is none of {list(LAWFUL_BASES)}")
    group_by = config.split.group_by
    try:
        example = Example(
            id=row_id,
            messages=record.messages,
            strata=_strata(record.tags, config),
            source=file.path,
            lawful_basis=basis,
            subject=_tag(record.tags, "subject"),
            group=_tag(record.tags, group_by) if group_by else None,
        )
        return SourceRow(example=example, collected_on=_collected_on(record.tags))
    except ValidationError as fault:
        return Fault(line=record.line, what=fault.errors()[0]["msg"].removeprefix("Value error, "))
    except ValueError:
        return Fault(line=record.line, what=f"a date among {list(_DATES)} is not ISO 8601")


def _strata(tags: Mapping[str, Json], config: DataConfig) -> dict[str, str]:
    """The tags that figures are split by: those asked for, and every other short text."""
    asked = {tag: value for tag in config.gold.stratify_by if (value := _tag(tags, tag)) is not None}
    other = {
        tag: value
        for tag, value in tags.items()
        if isinstance(value, str) and len(value) <= _MAX_TAG_CHARACTERS and tag not in _NO_STRATA
    }
    other.pop(config.split.group_by or "", None)
    return other | asked


def _tag(tags: Mapping[str, Json], name: str) -> str | None:
    """One tag as text; true and false as `yes` and `no`."""
    value = tags.get(name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value).strip() or None
    return None


def _collected_on(tags: Mapping[str, Json]) -> date | None:
    for name in _DATES:
        if value := _tag(tags, name):
            return datetime.fromisoformat(value).date()
    return None
