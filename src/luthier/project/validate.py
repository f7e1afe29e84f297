"""A tree against a model: the model's value, or every fault at its place."""

import json
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from luthier.errors import UserError
from luthier.project.masking import masked
from luthier.project.schema import known_keys
from luthier.project.tree import Fault, Node

M = TypeVar("M", bound=BaseModel)
_MISSING = "is required"
_UNKNOWN = "unknown key"
_NUMBERS = {"int_type", "float_type", "decimal_type"}
_NOT_FROM_A_NUMBER = {"bool_type", "date_type", "datetime_type", "time_type", "time_delta_type"}


def validated(model: type[M], tree: Node) -> tuple[M | None, list[Fault]]:
    """The model's value (None when it has faults) and all faults that pydantic can see in one pass."""
    plain = tree.plain()
    value, errors, faults = _tried(lambda: model.model_validate(plain), tree)
    _, strict, _ = _tried(lambda: model.model_validate_json(json.dumps(plain), strict=True), tree)
    mixed = [(error, *_locate(tree, error)) for error in strict if _is_mix_up(error, _locate(tree, error)[1])]
    mixed_paths = {path for _, path, _ in mixed}
    located = [found for error in errors if (found := (error, *_locate(tree, error)))[1] not in mixed_paths] + mixed
    deeper = [path for _, path, _ in located]
    messages: dict[tuple[str, ...], tuple[Node, list[str]]] = {}
    for error, path, node in located:
        if _follows_from_deeper(error, path, node, deeper):
            continue
        said = messages.setdefault(path, (node, []))[1]
        if (message := _sentence(error, model, path, node)) not in said:
            said.append(message)
    faults += [_fault(path, node, said) for path, (node, said) in messages.items()]
    return (None if faults else value), faults


def _tried(attempt: Callable[[], M], tree: Node) -> tuple[M | None, list[ErrorDetails], list[Fault]]:
    try:
        return attempt(), [], []
    except ValidationError as error:
        return None, error.errors(include_url=False), []
    except UserError as error:  # a validator that looks a name up in a registry
        hint = f"; {error.hint}" if error.hint else ""
        return None, [], [Fault(tree.place, (), f"{error.message}{hint}")]


def _locate(tree: Node, error: ErrorDetails) -> tuple[tuple[str, ...], Node]:
    """The path as a person writes it, without pydantic's names for union branches, and the nearest node."""
    path: list[str] = []
    node = tree
    for part in error["loc"]:
        if child := node.child(part):
            path.append(str(part))
            node = child
    name = _named_by(error)
    if name:
        path.append(name)
        node = node.child(name) or node
    return tuple(path), node


def _named_by(error: ErrorDetails) -> str | None:
    """The key that is absent, or decides a union's branch: pydantic places both faults on the mapping around it."""
    if error["type"] == "missing":
        return str(error["loc"][-1])
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return str(error["ctx"]["discriminator"]).strip("'")
    return None


def _is_mix_up(error: ErrorDetails, node: Node) -> bool:
    """Lax reading would turn `rank: yes` into 1 and `on: 20260101` into a day in 1970."""
    is_truth = isinstance(node.value, bool)
    is_number = isinstance(node.value, int | float) and not is_truth
    return (is_truth and error["type"] in _NUMBERS) or (is_number and error["type"] in _NOT_FROM_A_NUMBER)


def _follows_from_deeper(
    error: ErrorDetails, path: tuple[str, ...], node: Node, deeper: Sequence[tuple[str, ...]]
) -> bool:
    """A fault that mending one within would end: a union's branch of another shape, or too few valid entries."""
    is_shape = error["type"].endswith("_type") or error["type"] in ("literal_error", "too_short")
    has_more = any(len(other) > len(path) and other[: len(path)] == path for other in deeper)
    return is_shape and has_more and any(True for _ in node.entries())


def _fault(path: tuple[str, ...], node: Node, said: list[str]) -> Fault:
    is_about_key = said[0] == _MISSING or said[0].startswith(_UNKNOWN)
    return Fault(node.key_place if is_about_key else node.place, path, " or ".join(said))


def _sentence(error: ErrorDetails, model: type[BaseModel], path: tuple[str, ...], node: Node) -> str:
    kind = error["type"]
    if kind in ("missing", "union_tag_not_found"):
        return _MISSING
    if kind == "union_tag_invalid":
        return f"must be one of {error['ctx']['expected_tags']}{_received(path, node)}"
    if kind == "extra_forbidden":
        return _unknown_key(model, path)
    if kind == "string_type" and node.bare is not None and not isinstance(node.value, str | None):
        read = json.dumps(node.value)
        as_read = "" if read == node.bare else f", and without quotes it reads as {read}"
        return f'must be text{as_read}; write "{node.bare}"'
    text = _without_prefix(error["msg"])
    return _quiet(path, node, text) if kind == "value_error" else f"{text}{_received(path, node)}"


def _unknown_key(model: type[BaseModel], path: tuple[str, ...]) -> str:
    known = known_keys(model, path[:-1])
    near = get_close_matches(path[-1], known, n=1)
    if near:
        return f"{_UNKNOWN}; did you mean `{near[0]}`?"
    return f"{_UNKNOWN}; choose from {', '.join(dict.fromkeys(known))}" if known else _UNKNOWN


def _without_prefix(message: str) -> str:
    for prefix in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(prefix)
    return message.replace("Input should be", "must be")


def _received(path: tuple[str, ...], node: Node) -> str:
    match node.value:
        case tuple():
            return f", received a list of {len(node.value)}"
        case str() as text:
            return f", received {shortened(masked(path, text))!r}"
        case bool() | None | int() | float():
            return f", received {json.dumps(node.value)}"
        case _:
            return ", received a mapping"


def _quiet(path: tuple[str, ...], node: Node, text: str) -> str:
    """A validator's own words, without the value where that is a secret."""
    value: Any = node.value
    shown = masked(path, value) if isinstance(value, str) else value
    return text.replace(value, shown) if isinstance(value, str) and value and shown != value else text


def shortened(text: str) -> str:
    """The first eighty characters, so that a fault stays one line."""
    return text if len(text) <= 80 else f"{text[:77]}..."
