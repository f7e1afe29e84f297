"""One file, one model, one answer: the whole config, or every fault at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from luthier.errors import Faults, MissingInput
from luthier.project.environment import Environment
from luthier.project.overrides import with_assignments, with_environment, with_secrets
from luthier.project.parse import MAX_BYTES, dump, parse
from luthier.project.tree import Fault, Node, Place
from luthier.project.validate import validated

M = TypeVar("M", bound=BaseModel)
Check = Callable[[Node, Path], Iterable[Fault]]


@dataclass(frozen=True)
class Loaded(Generic[M]):
    """A config with the file it came from and the place of each value."""

    config: M
    path: Path
    tree: Node = field(repr=False)

    @property
    def folder(self) -> Path:
        """The project's folder, which relative paths start from."""
        return self.path.parent

    def origin(self, path: Sequence[str]) -> str:
        """Where the value at `path` was written: a place, a `--set`, a variable, or `default`."""
        node = self.tree
        for name in path:
            child = node.child(name)
            if child is None:
                return "default" if node.value is None or isinstance(node.value, Mapping) else str(node.place)
            node = child
        return str(node.place)


def read(
    path: Path,
    model: type[M],
    *,
    assignments: Iterable[str] = (),
    environment: Environment | None = None,
    checks: Iterable[Check] = (),
) -> Loaded[M]:
    """The file as a value of `model`: assignments beat the environment, which beats the file.

    Raises:
        MissingInput: There is no such file.
        Faults: Everything that is wrong with it, each with its place and path.

    """
    environment = environment or Environment()
    tree, faults = parse(_text(path), path.name)
    if not faults or tree.value:
        tree, misplaced = with_assignments(with_environment(tree, environment), assignments)
        tree, unfilled = with_secrets(tree, model, environment)
        config, invalid = validated(model, tree)
        checked = [fault for check in checks for fault in check(tree, path.parent)]
        faults = [*faults, *misplaced, *unfilled, *invalid, *checked]
    if faults or config is None:
        raise Faults(str(path), [str(fault) for fault in sorted(faults, key=_reading_order)])
    return Loaded(config=config, path=path, tree=tree)


def dumped(config: BaseModel) -> str:
    """A project file that reads back to the same values; secrets are masked in it."""
    return dump(config.model_dump(mode="json", by_alias=True))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MissingInput(f"{str(path)!r} cannot be read: {error.strerror}", hint="check --project") from error
    if len(content) > MAX_BYTES:
        raise Faults(str(path), [f"{path.name}: larger than {MAX_BYTES} bytes"], hint="keep data in files of their own")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(path.name, before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise Faults(str(path), [str(Fault(place, (), "not UTF-8"))], hint="save the file as UTF-8") from error


def _reading_order(fault: Fault) -> tuple[bool, Place]:
    return fault.place.line == 0, fault.place
