"""What a model knows: its keys at a path, and which of its fields hold secrets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from typing_extensions import TypeAliasType

Annotation = Any  # a type as typing writes it, for which typing has no type


def known_keys(model: type[BaseModel], path: Iterable[str]) -> list[str]:
    """Every key that may stand in the mapping at `path`, in the model's order."""
    return [key for kind in _models(_at(model, path)) for key in _fields(kind)]


def is_secret(model: type[BaseModel], path: Iterable[str]) -> bool:
    """Whether the field at `path` is declared as a secret."""
    return any(kind is SecretStr for kind in _at(model, path))


def key_of(name: str, alias: str | None) -> str:
    """The key a person writes for a field."""
    return alias or name


def _at(model: type[BaseModel], path: Iterable[str]) -> list[Annotation]:
    reached: list[Annotation] = [model]
    for name in path:
        reached = [inner for outer in reached for step in _step(outer, name) for inner in _members(step)]
    return reached


def _step(outer: Annotation, name: str) -> Iterator[Annotation]:
    if isinstance(outer, type) and issubclass(outer, BaseModel):
        if name in (fields := _fields(outer)):
            yield fields[name]
        return
    origin, arguments = get_origin(outer), get_args(outer)
    if not isinstance(origin, type) or not arguments:
        return
    if issubclass(origin, Mapping):
        yield arguments[-1]
    elif issubclass(origin, Sequence | frozenset | set):
        yield from (argument for argument in arguments if argument is not Ellipsis)


def _members(annotation: Annotation) -> Iterator[Annotation]:
    origin: object = get_origin(annotation)
    if isinstance(annotation, TypeAliasType):
        yield from _members(annotation.__value__)
    elif origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin is Union or origin is UnionType:
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _models(annotations: Iterable[Annotation]) -> Iterator[type[BaseModel]]:
    return (kind for kind in annotations if isinstance(kind, type) and issubclass(kind, BaseModel))


def _fields(model: type[BaseModel]) -> dict[str, Annotation]:
    return {key_of(name, field.alias): field.annotation for name, field in model.model_fields.items()}
