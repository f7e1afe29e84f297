"""Answers of an evaluation that is under way, kept as they come: what was paid for is not asked again."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import orjson
from pydantic import ValidationError

from luthier.domain.answers import Answer
from luthier.domain.digests import digest_of
from luthier.domain.examples import Message
from luthier.errors import StorageFault
from luthier.variants.engines.base import Told

Question = Sequence[Message]
Asks = Callable[[Sequence[Question], Told], Sequence[Answer]]


class AnswerLog:
    """One file of one variant: a line per answer, added before anybody hears of it.

    Each line is one write to the end of the file, so that a process killed at any moment leaves whole lines and at
    most one torn one, which is passed over. Answers that failed are not kept: they cost nothing and are asked again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        self._known = _read(file)
        self._seen: Counter[str] = Counter()

    def __len__(self) -> int:
        """Answers kept."""
        return len(self._known)

    def answer(self, questions: Sequence[Question], ask: Asks) -> list[Answer]:
        """One answer per question, in order; only those that are not kept are asked."""
        keys = [self._key(question) for question in questions]
        missing = [place for place, key in enumerate(keys) if key not in self._known]
        if missing:
            found = ask(
                [questions[place] for place in missing], lambda at, answer: self._keep(keys[missing[at]], answer)
            )
            fresh = {keys[place]: answer for place, answer in zip(missing, found, strict=False)}
            self._sync()
        else:
            found, fresh = [], {}
        if len(found) != len(missing):
            return list(found)  # the stage says what it means that an engine lost answers
        return [self._known.get(key) or fresh[key] for key in keys]

    def forget(self) -> None:
        """Nothing is kept any more."""
        self._file.unlink(missing_ok=True)
        self._known = {}
        self._seen.clear()

    def _key(self, question: Question) -> str:
        """What names the question; one that is asked twice in a run is two."""
        digest = digest_of([message.model_dump(mode="json") for message in question])
        self._seen[digest] += 1
        return f"{digest}:{self._seen[digest]}"

    def _keep(self, key: str, answer: Answer) -> None:
        if answer.text is None:
            return
        line = orjson.dumps({"key": key, "answer": answer.model_dump(mode="json")}) + b"\n"
        with self._lock:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._file.open("ab", buffering=0) as file:
                    file.write(line)
            except OSError as fault:
                raise StorageFault(
                    f"answers cannot be kept in {str(self._file)!r}: {fault.strerror}", hint="make room on the disk"
                ) from fault
            self._known[key] = answer

    def _sync(self) -> None:
        if self._file.exists():
            with self._file.open("rb") as file:
                os.fsync(file.fileno())


def _read(file: Path) -> dict[str, Answer]:
    if not file.exists():
        return {}
    written = file.read_bytes()
    whole = written[: written.rfind(b"\n") + 1]
    if len(whole) < len(written):
        file.write_bytes(whole)  # or the next line would begin within the torn one
    known = {}
    for line in whole.splitlines():
        try:
            entry = orjson.loads(line)
            known[str(entry["key"])] = Answer.model_validate(entry["answer"])
        except (ValueError, KeyError, TypeError, ValidationError):
            continue  # a line that nobody can read is an answer that nobody has
    return known
