"""Answers in a file, by what they answer: what was paid for is not asked again, whatever happens to the process."""

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

import orjson
from pydantic import ValidationError

from luthier.domain.answers import Answer
from luthier.store.faults import disk_faults


class KeptAnswers:
    """One file with a line per answer. Answers that failed are not kept: they cost nothing and are asked again.

    What is kept at once is one write to the end of the file, so that a process killed at any moment leaves whole lines
    and at most one torn one, which is taken away when the file is opened again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        with disk_faults(str(file)):
            self._known = _read(_mended(file))

    def __len__(self) -> int:
        """Answers kept."""
        return len(self._known)

    def get(self, key: str) -> Answer | None:
        """The answer under that key, if it is kept."""
        return self._known.get(key)

    def keep(self, answers: Mapping[str, Answer]) -> None:
        """Once this returns the kernel holds them; StorageFault where the disk refuses."""
        told = {key: answer for key, answer in answers.items() if answer.text is not None}
        if not told:
            return
        lines = [
            orjson.dumps({"key": key, "answer": answer.model_dump(mode="json")}) + b"\n" for key, answer in told.items()
        ]
        with self._lock, disk_faults(str(self._file)):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab", buffering=0) as file:
                file.write(b"".join(lines))
            self._known |= told

    def sync(self) -> None:
        """Bring what was kept to the disk."""
        if self._file.exists():
            with disk_faults(str(self._file)), self._file.open("rb") as file:
                os.fsync(file.fileno())

    def forget(self) -> None:
        """Nothing is kept any more."""
        self._file.unlink(missing_ok=True)
        self._known = {}


def _mended(file: Path) -> bytes:
    """What the file holds, after its last line was ended or, where a kill tore it, taken away."""
    written = file.read_bytes() if file.exists() else b""
    whole = written[: written.rfind(b"\n") + 1]
    last = written[len(whole) :]
    if not last:
        return written
    if not _read(last):
        os.truncate(file, len(whole))
        return whole
    with file.open("ab", buffering=0) as end:
        end.write(b"\n")
    return written + b"\n"


def _read(written: bytes) -> dict[str, Answer]:
    known = {}
    for line in written.splitlines():
        try:
            entry = orjson.loads(line)
            known[str(entry["key"])] = Answer.model_validate(entry["answer"])
        except (ValueError, KeyError, TypeError, ValidationError):
            continue  # a line that nobody can read is an answer that nobody has
    return known
