"""Names in one section that must exist in another, checked on the tree so that they are told with all other faults."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from luthier.project.tree import Fault, Node

DEFAULT_MODEL = "base"

_VARIANT_NAMES = {"model": "models", "retrieval": "retrieval"}


def reference_faults(tree: Node, folder: Path) -> Iterator[Fault]:
    """Every variant that names an unknown model, knowledge base or file, and every other name that nothing has."""
    for name, variant in _entries(tree, "variants"):
        path = ("variants", name)
        for key, section in _VARIANT_NAMES.items():
            if reference := variant.child(key):
                yield from _unknown(reference, (*path, key), section, _names(tree, section))
        if prompt := variant.child("prompt"):
            yield from _missing_file(prompt, (*path, "prompt"), folder)
    if tools := tree.child("tools"):
        yield from _missing_file(tools, ("tools",), folder)
    yield from _judge_faults(tree)
    compared = ("evaluation", "production_release", "compare_with")
    if names := tree.find(*compared):
        for index, name_node in names.entries():
            yield from _unknown(name_node, (*compared, index), "variants", _names(tree, "variants"))


def _judge_faults(tree: Node) -> Iterator[Fault]:
    """A judge's model, and the variant that others are to be better than."""
    judges = tree.find("evaluation", "judges")
    for name, judge in judges.entries() if judges else ():
        for key, section in (("model", "models"), ("against", "variants")):
            if reference := judge.child(key):
                yield from _unknown(reference, ("evaluation", "judges", name, key), section, _names(tree, section))


def _entries(tree: Node, section: str) -> list[tuple[str, Node]]:
    node = tree.child(section)
    return list(node.entries()) if node else []


def _names(tree: Node, section: str) -> list[str]:
    if section == "models" and tree.child("models") is None:
        return [DEFAULT_MODEL]
    return [name for name, _ in _entries(tree, section)]


def _unknown(reference: Node, path: tuple[str, ...], section: str, known: list[str]) -> Iterator[Fault]:
    name = reference.value
    if not isinstance(name, str) or name in known:
        return
    near = get_close_matches(name, known, n=1)
    advice = f"did you mean `{near[0]}`?" if near else f"choose from {', '.join(known)}" if known else "it has none"
    yield Fault(reference.place, path, f"`{section}` holds no {name!r}; {advice}")


def _missing_file(reference: Node, path: tuple[str, ...], folder: Path) -> Iterator[Fault]:
    name = reference.value
    if isinstance(name, str) and "\0" not in name and not (folder / name).is_file():
        yield Fault(reference.place, path, f"there is no file {name!r} in the project's folder")
