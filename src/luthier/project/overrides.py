"""Values from the command line and the environment, laid over the file's."""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from luthier.errors import MissingInput
from luthier.project.environment import LOCATIONS, REFERENCE, Environment
from luthier.project.parse import parse
from luthier.project.schema import is_secret
from luthier.project.tree import Fault, Node, Place


def with_assignments(tree: Node, assignments: Iterable[str]) -> tuple[Node, list[Fault]]:
    """The tree after every `a.b=c` in turn, the value read as YAML; what cannot be placed is a fault."""
    faults: list[Fault] = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        place = Place(f"--set {name}")
        path = tuple(name.split("."))
        if not equals or not all(path):
            faults.append(Fault(place, (), "must be written NAME=VALUE, as in `--set train.epochs=2`"))
            continue
        value, broken = parse(text, place.source)
        if broken:
            faults += [Fault(place, path, f"the value is {fault.message}") for fault in broken]
            continue
        single = Node(None, place, place) if not text.strip() else value
        outcome = _laid(tree, path, _moved(single, place), done=())
        if isinstance(outcome, Fault):
            faults.append(outcome)
        else:
            tree = outcome
    return tree, faults


def with_environment(tree: Node, environment: Environment) -> Node:
    """The tree with the locations that the environment names."""
    for name, path in LOCATIONS.items():
        if text := environment.variables.get(name):
            outcome = _laid(tree, path, Node(text, Place(name), Place(name)), done=())
            tree = tree if isinstance(outcome, Fault) else outcome
    return tree


def with_secrets(tree: Node, model: type[BaseModel], environment: Environment) -> tuple[Node, list[Fault]]:
    """The tree with every `${NAME}` in a secret filled in; anywhere else `${NAME}` is a fault."""
    faults: list[Fault] = []
    for path, leaf in tree.leaves():
        if not isinstance(leaf.value, str) or not REFERENCE.search(leaf.value):
            continue
        if not is_secret(model, path):
            faults.append(Fault(leaf.place, path, "`${NAME}` is read in secrets only; write the value out"))
            continue
        try:
            filled = Node(environment.filled(leaf.value), leaf.place, leaf.key_place)
        except MissingInput as error:
            faults.append(Fault(leaf.place, path, f"{error.message}; {error.hint}"))
            continue
        outcome = _laid(tree, path, filled, done=())
        tree = tree if isinstance(outcome, Fault) else outcome
    return tree, faults


def _laid(tree: Node | None, path: tuple[str, ...], value: Node, done: tuple[str, ...]) -> Node | Fault:
    if not path:
        return value
    name, rest = path[0], path[1:]
    holder = tree if tree is not None and tree.value is not None else Node({}, value.place, value.place)
    if not isinstance(holder.value, (Mapping, tuple)):
        return Fault(value.place, done, f"holds a single value, so nothing in it is called `{name}`")
    if isinstance(holder.value, tuple) and not (name.isdecimal() and int(name) <= len(holder.value)):
        return Fault(value.place, done, f"is a list of {len(holder.value)}, so `{name}` is no place in it")
    inner = _laid(holder.child(name), rest, value, (*done, name))
    return inner if isinstance(inner, Fault) else _replaced(holder, name, inner)


def _replaced(holder: Node, name: str, inner: Node) -> Node:
    if isinstance(holder.value, tuple):
        index = int(name)
        items = (*holder.value[:index], inner, *holder.value[index + 1 :])
        return Node(items, holder.place, holder.key_place)
    entries = dict(holder.entries()) | {name: inner}
    return Node(entries, holder.place, holder.key_place)


def _moved(node: Node, place: Place) -> Node:
    match node.value:
        case tuple():
            return Node(tuple(_moved(item, place) for item in node.value), place, place, node.bare)
        case Mapping():
            return Node({name: _moved(item, place) for name, item in node.value.items()}, place, place, node.bare)
        case _:
            return Node(node.value, place, place, node.bare)
