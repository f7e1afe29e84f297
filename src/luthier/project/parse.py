"""Safe, bounded YAML to nodes with places.

Plain scalars follow YAML 1.2 where 1.1 surprises: `12:30` and `2026-01-01` stay text, `2e-4` is a number. The words
yes, no, on and off still read as booleans, because that is what people who write them bare mean; where text is asked
for, the reader says so instead of guessing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from luthier.project.tree import Fault, Node, Place, Plain, Scalar

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_NODES = 50_000

_CORE = "tag:yaml.org,2002:"
_RESOLVERS = (
    ("bool", r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", "yYnNtTfFoO"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the resolvers above and a bound on nesting."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML reads this name
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node, refusing nesting that no project file needs."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=self.get_mark())
        composed: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return composed


class _Dumper(yaml.SafeDumper):
    """Quotes exactly what the loader above would read as something else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML reads this name

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  PyYAML's signature
        """Write every value out; a project file without anchors is easier to read."""
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Text; with line breaks that YAML would turn into others, only double quotes keep it as it is."""
        style = '"' if any(character in data for character in "\r\x85\u2028\u2029") else None
        return self.represent_scalar(f"{_CORE}str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
for _class in (_Loader, _Dumper):
    for _tag, _pattern, _first in _RESOLVERS:
        _initials = ["" if initial == "\0" else initial for initial in _first]
        _class.add_implicit_resolver(_CORE + _tag, re.compile(rf"(?:{_pattern})\Z"), _initials)


def parse(text: str, source: str) -> tuple[Node, list[Fault]]:
    """The document as nodes, with everything that is wrong with its form; an empty document is an empty mapping."""
    start = Place(source, 1, 1)
    try:
        document = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        return Node({}, start, start), [_syntax_fault(error, text, source)]
    builder = _Builder(source)
    if document is None:
        return Node({}, start, start), []
    try:
        return builder.build(document, None), builder.faults
    except _TooLarge as limit:
        return Node({}, start, start), [Fault(limit.place, (), f"holds more than {MAX_NODES} values once expanded")]


def dump(value: Plain) -> str:
    """YAML that `parse` reads back to the same value."""
    written: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return written


def _syntax_fault(error: yaml.YAMLError, text: str, source: str) -> Fault:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        reason = " ".join(part for part in (error.context, error.problem) if part)
        return Fault(Place(source, mark.line + 1, mark.column + 1), (), f"not YAML: {reason}")
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        column = len(before) - (before.rfind("\n") + 1) + 1
        place = Place(source, before.count("\n") + 1, column)
        return Fault(place, (), f"not YAML: the character U+{ord(text[error.position]):04X} is not allowed")
    return Fault(Place(source, 1, 1), (), "not YAML")


class _TooLarge(Exception):
    """Aliases or size would make more values than a project file needs."""

    def __init__(self, place: Place) -> None:
        self.place = place


@dataclass(slots=True)
class _Builder:
    source: str
    faults: list[Fault] = field(default_factory=list)
    count: int = 0
    open: set[int] = field(default_factory=set)

    def build(self, node: yaml.Node, key_place: Place | None, path: tuple[str, ...] = ()) -> Node:
        place = self.place(node)
        self.count += 1
        if self.count > MAX_NODES:
            raise _TooLarge(place)
        if id(node) in self.open:
            self.faults.append(Fault(place, path, "this alias contains itself"))
            return Node(None, place, key_place or place)
        self.open.add(id(node))
        value = self.value(node, place, path)
        self.open.discard(id(node))
        bare = node.value if isinstance(node, yaml.ScalarNode) and node.style is None else None
        return Node(value, place, key_place or place, bare)

    def value(
        self, node: yaml.Node, place: Place, path: tuple[str, ...]
    ) -> Scalar | tuple[Node, ...] | Mapping[str, Node]:
        match node:
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self.mapping(node, path)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return tuple(self.build(item, None, (*path, str(i))) for i, item in enumerate(node.value))
            case yaml.ScalarNode():
                return self.scalar(node, place, path)
            case _:
                self.faults.append(Fault(place, path, f"the tag {node.tag!r} is not read here"))
                return None

    def mapping(self, node: yaml.MappingNode, path: tuple[str, ...]) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for key, value in node.value:
            place = self.place(key)
            if not isinstance(key, yaml.ScalarNode):
                self.faults.append(Fault(place, path, "a key must be a single word"))
            elif key.tag == f"{_CORE}merge":
                self.faults.append(Fault(place, path, "merge keys (`<<`) are not read; write the keys out"))
            elif key.value in entries:
                first = entries[key.value].key_place.line
                self.faults.append(Fault(place, (*path, key.value), f"written twice; the first is on line {first}"))
            else:
                entries[key.value] = self.build(value, place, (*path, key.value))
        return entries

    def scalar(self, node: yaml.ScalarNode, place: Place, path: tuple[str, ...]) -> Scalar:
        try:
            return _scalar(node.tag.removeprefix(_CORE), node.value)
        except ValueError as error:
            self.faults.append(Fault(place, path, str(error)))
            return None

    def place(self, node: yaml.Node) -> Place:
        return Place(self.source, node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(tag: str, text: str) -> Scalar:
    match tag:
        case "str" | "merge":
            return text
        case "null":
            return None
        case "bool":
            return _boolean(text)
        case "int" if len(text) <= 40:
            return int(text.replace("_", ""), 0)
        case "float" if "inf" not in text.casefold() and "nan" not in text.casefold():
            return float(text)
        case "int" | "float":
            raise ValueError("is no finite number of a usable size")
        case _:
            raise ValueError(f"the tag {tag!r} is not read here")


def _boolean(text: str) -> bool:
    match text.casefold():
        case "yes" | "true" | "on":
            return True
        case "no" | "false" | "off":
            return False
        case _:
            raise ValueError("is neither true nor false")
