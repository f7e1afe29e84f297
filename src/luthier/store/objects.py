"""Bytes under their SHA-256 in a folder of any fsspec file system; durable when a write returns, and never changed."""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from luthier.domain.digests import digest_of_bytes
from luthier.errors import Tampered, UserError
from luthier.store.faults import disk_faults

_CHUNK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Objects:
    """A folder in which each file is named by its content."""

    def __init__(self, url: str) -> None:
        try:
            opened: tuple[Any, str] = url_to_fs(url)
        except (ImportError, ValueError) as fault:
            raise UserError(
                f"artifacts cannot be kept at {url!r}: {fault}", hint="give a folder or an fsspec URL"
            ) from fault
        self._files, root = opened
        self._root = root.rstrip("/")
        self.url = url
        self._is_local = isinstance(self._files, LocalFileSystem)

    def put(self, data: bytes) -> str:
        """The digest of `data`, once it is durable."""
        digest = digest_of_bytes(data)
        if not self._is_there(digest):
            if self._is_local:
                self._keep([data])
            else:
                with disk_faults(self.url):
                    self._files.pipe_file(self._path(digest), data)
        return digest

    def put_file(self, path: Path) -> str:
        """The digest of a file, once it is durable; the file is never held in memory as a whole."""
        if self._is_local:
            with path.open("rb") as source:
                return self._keep(_chunks(source))
        with path.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        if not self._is_there(digest):
            with disk_faults(self.url):
                self._files.put_file(str(path), self._path(digest))
        return digest

    def read(self, digest: str) -> bytes:
        """The bytes, or Tampered when they are gone or are others."""
        with disk_faults(self.url), _told_when_gone(digest):
            data: bytes = self._files.cat_file(self._path(digest))
        if digest_of_bytes(data) != digest:
            raise _changed(digest)
        return data

    def copy_to(self, digest: str, target: Path) -> None:
        """Writes the verified bytes to `target` as a whole or not at all, or raises Tampered."""
        with disk_faults(self.url), _told_when_gone(digest):
            source = self._files.open(self._path(digest), "rb")
        with source:
            _replace(_chunks(source), target, digest)

    def remove(self, digest: str) -> None:
        """The bytes are gone once this returns, also when they were gone before."""
        path = self._path(digest)
        with disk_faults(self.url), suppress(FileNotFoundError):
            self._files.rm_file(path)
            if self._is_local:
                _sync_folder(Path(path).parent)

    def clear_unfinished(self, older_than_seconds: float) -> None:
        """Temporary files that nobody has written to for that long are gone."""
        if self._is_local:
            for path in (Path(self._root) / "incoming").glob("*"):
                if time.time() - path.stat().st_mtime > older_than_seconds:
                    path.unlink(missing_ok=True)

    def is_intact(self, digest: str) -> bool:
        """Whether the bytes are there and are the right ones."""
        path = self._path(digest)
        with disk_faults(self.url):
            if not self._files.exists(path):
                return False
            with self._files.open(path, "rb") as source:
                return _digest_of(_chunks(source)) == digest

    def _is_there(self, digest: str) -> bool:
        with disk_faults(self.url):
            is_there = bool(self._files.exists(self._path(digest)))
        if is_there and not self.is_intact(digest):
            raise _changed(digest)
        return is_there

    def _path(self, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise UserError(f"{digest!r} is not a digest", hint="a digest is 64 lower-case hex digits")
        return f"{self._root}/{digest[:2]}/{digest[2:]}"

    def _keep(self, chunks: Iterable[bytes]) -> str:
        with disk_faults(self.url):
            waiting = _folder(Path(self._root) / "incoming")
            temporary, digest = _write_temporary(chunks, waiting)
            try:
                if self._is_there(digest):
                    temporary.unlink()
                else:
                    final = Path(self._path(digest))
                    _folder(final.parent)
                    temporary.replace(final)
                    _sync_folder(final.parent)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        return digest


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk


def _digest_of(chunks: Iterable[bytes]) -> str:
    running = hashlib.sha256()
    for chunk in chunks:
        running.update(chunk)
    return running.hexdigest()


def _write_temporary(chunks: Iterable[bytes], folder: Path) -> tuple[Path, str]:
    handle, name = tempfile.mkstemp(dir=folder)
    running = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as sink:
            for chunk in chunks:
                sink.write(chunk)
                running.update(chunk)
            sink.flush()
            os.fsync(sink.fileno())
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    return Path(name), running.hexdigest()


def _replace(chunks: Iterable[bytes], target: Path, digest: str) -> None:
    with disk_faults(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary, found = _write_temporary(chunks, target.parent)
        if found != digest:
            temporary.unlink()
            raise _changed(digest)
        temporary.replace(target)


def _folder(path: Path) -> Path:
    """`path`, made together with its parents, each of them durable."""
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir(exist_ok=True, mode=0o700)
        _sync_folder(path.parent)
    return path


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _changed(digest: str) -> Tampered:
    return Tampered(f"the bytes kept as {digest} are not the ones put there", hint="restore them from a backup")


@contextmanager
def _told_when_gone(digest: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as fault:
        raise Tampered(f"the bytes of {digest} are gone", hint="restore them from a backup") from fault
