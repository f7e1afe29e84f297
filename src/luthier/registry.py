"""Things that are chosen by name: metrics, readers, engines, and whatever a plug-in adds."""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from luthier.errors import UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """Members of one kind under unique names; plug-ins join through the entry-point group `luthier.<kind>`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._members: dict[str, T] = {}
        self._plugins_loaded = False

    def add(self, name: str) -> Callable[[T], T]:
        """A decorator that registers its target under `name`; a second registration is a bug."""

        def register(member: T) -> T:
            if name in self._members:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._members[name] = member
            return member

        return register

    def get(self, name: str) -> T:
        """The member called `name`, or UnknownName with the nearest known one."""
        self._load_plugins()
        if name not in self._members:
            raise UnknownName(self.kind, name, self._members.keys())
        return self._members[name]

    def names(self) -> list[str]:
        """Every known name, sorted."""
        self._load_plugins()
        return sorted(self._members)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for point in entry_points(group=f"luthier.{self.kind}"):
            if point.name not in self._members:
                self._members[point.name] = point.load()
