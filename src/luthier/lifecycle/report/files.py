"""The forms of one report written side by side."""

import os
from collections.abc import Mapping
from pathlib import Path

from luthier.errors import StorageFault


def write_texts(what: str, texts: Mapping[Path, str]) -> None:
    """Each file whole or not there at all; StorageFault, naming `what`, where the disk refuses."""
    for path, text in texts.items():
        fresh = path.with_suffix(f".new-{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(text, encoding="utf-8", errors="replace", newline="\n")
            fresh.replace(path)
        except OSError as fault:
            raise StorageFault(
                f"{what} cannot be written to {str(path.parent)!r}: {fault.strerror}",
                hint="choose another folder with --out",
            ) from fault
