"""The one way to join a path that somebody else chose to a folder of ours."""

from pathlib import Path

from luthier.errors import Forbidden


def inside(root: Path, name: str) -> Path:
    """The resolved path of `name` below `root`; Forbidden when it would lie elsewhere, symbolic links followed."""
    if "\x00" in name:
        raise Forbidden("a path holds a NUL character", hint="name a file below the configured folder")
    base = root.resolve()
    joined = (base / name).resolve()
    if not joined.is_relative_to(base):
        raise Forbidden(f"{name!r} lies outside its folder", hint="name a file below the configured folder")
    return joined
