"""What all engines of `train.py` are given, and how their time is taken."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.domain.examples import Message

LENGTHS_SEED = 0


@dataclass(frozen=True)
class Setup:
    """One piece of work: rows, base model and the settings that are the same for all."""

    rows: list[Any]
    base: Path
    batch_size: int = 32
    rank: int = 16
    rate: float = 1e-3
    sampled: int = 24
    """Tokens of a sampled answer, at most."""


class Marks:
    """From the first `begin` to the last `end`, in seconds and in processor seconds of this process."""

    def __init__(self) -> None:
        self.first = self.first_cpu = 0.0
        self._last = self._last_cpu = 0.0

    def begin(self) -> None:
        """The work begins, unless it has."""
        if not self.first:
            self.first, self.first_cpu = time.perf_counter(), time.process_time()

    def end(self) -> None:
        """The work has come this far."""
        self._last, self._last_cpu = time.perf_counter(), time.process_time()

    def figures(self) -> dict[str, float]:
        """Both, rounded to milliseconds."""
        return {
            "seconds": round(self._last - self.first, 3),
            "cpu_seconds": round(self._last_cpu - self.first_cpu, 3),
        }


def dicts(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages as other libraries read them."""
    return [{"role": message.role, "content": message.content} for message in messages]


def tokens_of(tokenizer: Any, rows: Sequence[Any]) -> int:
    """Tokens of the rows without padding, as Luthier counts them, so that all are divided by the same."""
    from luthier.train.backends.encode import encode  # noqa: PLC0415
    from luthier.train.config import TrainConfig  # noqa: PLC0415

    return sum(len(text.tokens) for text in encode(tokenizer, rows, TrainConfig()))
