"""Folders that are complete or not there, whatever kills the process."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from luthier.errors import StorageFault


@contextmanager
def folder_in_one_move(target: Path) -> Iterator[Path]:
    """A new folder to write into that becomes `target` when the block ends; after a fault nothing is left of it."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        for file in partial.rglob("*"):
            _sync(file)
        _sync(partial)
        partial.rename(target)
        _sync(target.parent)
    except OSError as fault:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageFault(
            f"{str(target)!r} could not be written: {fault.strerror or fault}", hint="free space there and run again"
        ) from fault


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_in_one_move(target: Path, data: bytes) -> None:
    """`target` holds `data` or what it held before; what was returned from survives a kill."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_bytes(data)
        _sync(partial)
        partial.replace(target)
        _sync(target.parent)
    except OSError as fault:
        partial.unlink(missing_ok=True)
        raise StorageFault(
            f"{str(target)!r} could not be written: {fault.strerror or fault}", hint="free space there and run again"
        ) from fault
