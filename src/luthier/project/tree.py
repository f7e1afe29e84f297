"""YAML as values that know where they stand, so that every fault can say file, line and column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = Scalar | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was written: `luthier.yaml:3:7`, or `--set train.epochs`, which has no line."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the file, what holds it, and the bare text it was written as (None when quoted)."""

    value: "Scalar | tuple[Node, ...] | Mapping[str, Node]"
    place: Place
    key_place: Place
    bare: str | None = field(default=None, compare=False)

    def child(self, name: str | int) -> "Node | None":
        """The node one step down, or None where the path ends."""
        match self.value:
            case Mapping():
                return self.value.get(str(name))
            case tuple() if (index := _index(name)) is not None and index < len(self.value):
                return self.value[index]
            case _:
                return None

    def find(self, *path: str | int) -> "Node | None":
        """The node at the end of the path, or None."""
        node: Node | None = self
        for name in path:
            node = node.child(name) if node else None
        return node

    def entries(self) -> "Iterator[tuple[str, Node]]":
        """Names and nodes one step down; nothing for a single value."""
        match self.value:
            case Mapping():
                yield from self.value.items()
            case tuple():
                yield from ((str(index), node) for index, node in enumerate(self.value))

    def leaves(self, path: tuple[str, ...] = ()) -> "Iterator[tuple[tuple[str, ...], Node]]":
        """Every single value below, with its path."""
        if not isinstance(self.value, (Mapping, tuple)):
            yield path, self
        for name, node in self.entries():
            yield from node.leaves((*path, name))

    def plain(self) -> Plain:
        """The same value without its places."""
        match self.value:
            case Mapping():
                return {name: node.plain() for name, node in self.value.items()}
            case tuple():
                return [node.plain() for node in self.value]
            case _:
                return self.value


def _index(name: str | int) -> int | None:
    text = str(name)
    return int(text) if text.isascii() and text.isdigit() else None


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, where it stands, and under which path."""

    place: Place
    path: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        where = f"{self.place}: "
        return where + (f"{'.'.join(self.path)}: " if self.path else "") + self.message
