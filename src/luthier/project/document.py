"""Every key of the project file with its type, default and meaning, read from the model."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

Schema = dict[str, Any]  # JSON Schema, whose shape pydantic decides
_BOUNDS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "minLength": "length >=",
    "maxLength": "length <=",
    "minItems": "items >=",
    "maxItems": "items <=",
    "minProperties": "entries >=",
    "maxProperties": "entries <=",
}
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "nothing",
}


class Key(NamedTuple):
    """One key as a reference page lists it; `NAME` and `N` stand for names and places that a person chooses."""

    path: str
    type: str
    default: str
    meaning: str


def keys(model: type[BaseModel]) -> list[Key]:
    """Every key that may be written, sections before what they hold."""
    schema = model.model_json_schema(by_alias=True)
    return list(_keys(schema, schema.get("$defs", {}), ""))


def _keys(section: Schema, definitions: Schema, prefix: str) -> Iterator[Key]:
    required = section.get("required", [])
    for name, written in section.get("properties", {}).items():
        path = f"{prefix}{name}"
        meaning = written.get("description") or _target(written, definitions).get("description", "")
        yield Key(path, _type(written, definitions), _default(written, is_required=name in required), meaning)
        for inner, step in _sections(written, definitions):
            yield from _keys(inner, definitions, f"{path}{step}.")


def _sections(written: Schema, definitions: Schema) -> Iterator[tuple[Schema, str]]:
    """The sections below a key, with what stands between it and their keys."""
    for branch in _branches(written):
        target = _target(branch, definitions)
        if "properties" in target:
            yield target, ""
        for key, step in (("items", ".N"), ("additionalProperties", ".NAME")):
            if isinstance(target.get(key), dict):
                yield from ((section, step + rest) for section, rest in _sections(target[key], definitions))


def _type(written: Schema, definitions: Schema) -> str:
    named = [_branch_type(_target(branch, definitions), definitions) for branch in _branches(written)]
    return " or ".join(dict.fromkeys(named))


def _branch_type(branch: Schema, definitions: Schema) -> str:
    bounds = "".join(f", {sign} {branch[key]}" for key, sign in _BOUNDS.items() if key in branch)
    bounds += f", like `{branch['pattern']}`" if "pattern" in branch else ""
    if "enum" in branch or "const" in branch:
        return " or ".join(f"`{value}`" for value in branch.get("enum", [branch.get("const")]))
    if branch.get("type") == "array":
        items = branch.get("items")
        return f"list of {_type(items, definitions)}{bounds}" if isinstance(items, dict) else f"list{bounds}"
    if branch.get("type") == "object":
        values = branch.get("additionalProperties")
        return f"names with {_type(values, definitions)}{bounds}" if isinstance(values, dict) else "section"
    return _TYPES.get(branch.get("type", ""), "anything") + bounds


def _default(written: Schema, *, is_required: bool) -> str:
    if is_required:
        return "required"
    value = written.get("default")
    if isinstance(value, dict) and value:
        return "see below"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _branches(written: Schema) -> list[Schema]:
    return [inner for key in ("anyOf", "oneOf") for inner in written.get(key, [])] or [written]


def _target(written: Schema, definitions: Schema) -> Schema:
    reference = written.get("$ref", "")
    target: Schema = definitions.get(reference.rsplit("/", 1)[-1], written)
    return target
