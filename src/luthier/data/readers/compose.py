"""Fields made of other fields: a rule and its criteria before the question, numbered reasoning before the answer."""

from collections.abc import Mapping
from string import Template

from luthier.data.readers.json_records import json_text
from luthier.data.readers.parts import Fault, Record, Records
from luthier.domain.value import Json


def composed(records: Records, templates: Mapping[str, str]) -> Records:
    """Records with the fields that `templates` make of theirs; what went into one is no tag any more.

    A list becomes numbered lines, so that steps of reasoning are counted. A record that lacks a named field is a fault.
    """
    if not templates:
        return records
    made = {field: Template(text) for field, text in templates.items()}
    named = {name for template in made.values() for name in template.get_identifiers()}
    return (_composed(item, made, named) if isinstance(item, Record) else item for item in records)


def _composed(record: Record, made: Mapping[str, Template], named: set[str]) -> Record | Fault:
    told = {name: text for name in named if (text := _told(record.row.get(name)))}
    if lacking := sorted(named - told.keys()):
        return Fault(line=record.line, what=f"`compose` needs the field {lacking[0]!r}, which is missing or empty here")
    row = {key: value for key, value in record.row.items() if key not in named}
    return record._replace(row=row | {field: template.substitute(told) for field, template in made.items()})


def _told(value: Json) -> str:
    """A field as text: lists as numbered lines, objects as JSON."""
    if isinstance(value, list):
        return "\n".join(f"{number}. {_told(each)}" for number, each in enumerate(value, start=1))
    if isinstance(value, str):
        return value.strip()
    return "" if value is None else json_text(value)
