"""The one way to join a folder with a name that came from outside."""

from pathlib import Path, PurePosixPath

from luthier.errors import Refused


def safe_join(folder: Path, name: str) -> Path:
    """`folder/name`, or Refused when that would lie outside `folder`, by `..`, an absolute name or a link."""
    parts = PurePosixPath(name).parts
    unsafe = not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\x00" in name
    if unsafe or not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise Refused(f"{name!r} does not name a file inside the folder", hint="names are relative and never leave it")
    return folder.joinpath(*parts)
