"""Fields made of other fields: a rule and its criteria before the question, numbered reasoning before the answer."""

from collections.abc import Collection, Mapping
from string import Template

from luthier.data.readers.json_records import json_text
from luthier.data.readers.parts import Fault, Origin, Record, Records
from luthier.domain.value import Json


def composed(records: Records, origin: Origin) -> Records:
    """Records with the fields that `origin.compose` makes of theirs.

    What went into one is no tag any more, unless figures or groups are asked for by it. A list becomes numbered lines,
    so that steps of reasoning are counted. A record that lacks a named field is a fault.
    """
    if not origin.compose:
        return records
    made = {field: Template(text) for field, text in origin.compose.items()}
    named = {name for template in made.values() for name in template.get_identifiers()}
    kept = {*origin.stratify_by, origin.group_by}
    return (_composed(item, made, named, kept) if isinstance(item, Record) else item for item in records)


def _composed(
    record: Record, made: Mapping[str, Template], named: set[str], kept: Collection[str | None]
) -> Record | Fault:
    told = {name: text for name in named if (text := _told(record.row.get(name)))}
    if lacking := sorted(named - told.keys()):
        return Fault(line=record.line, what=f"`compose` needs the field {lacking[0]!r}, which is missing or empty here")
    row = {key: value for key, value in record.row.items() if key not in named or key in kept}
    return record._replace(row=row | {field: template.substitute(told) for field, template in made.items()})


def _told(value: Json) -> str:
    """A field as text: lists as numbered lines, objects as JSON."""
    if isinstance(value, list):
        return "\n".join(f"{number}. {_told(each)}" for number, each in enumerate(value, start=1))
    if isinstance(value, str):
        return value.strip()
    return "" if value is None else json_text(value)
