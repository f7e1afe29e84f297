"""Supervised tuning: the targets' log-probability, raised."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from luthier.train.backends.encode import Encoded
from luthier.train.backends.objectives.protocol import Scored, Scorer


@dataclass(frozen=True)
class Answered:
    """One conversation with its ideal answer."""

    text: Encoded

    @property
    def id(self) -> str:
        """The conversation's id."""
        return self.text.id

    @property
    def texts(self) -> tuple[Encoded, ...]:
        """The conversation."""
        return (self.text,)


class Supervised:
    """Mean nats per target token."""

    def settle(self, scorer: Scorer, entries: Sequence[Answered]) -> list[Answered]:
        """The entries as they are."""
        del scorer
        return list(entries)

    def ready(self, scorer: Scorer, entries: Sequence[Answered], *, seed: int | None) -> list[Answered]:
        """The entries as they are."""
        del scorer, seed
        return list(entries)

    def count(self, entries: Sequence[Answered]) -> int:
        """Target tokens."""
        return sum(len(entry.text.targets) for entry in entries)

    def loss(self, scored: Scored, entries: Sequence[Answered]) -> torch.Tensor:
        """Nats over all target tokens."""
        del entries
        return -scored.log_probs.sum()

    def agreements(self, scored: Scored, entries: Sequence[Answered]) -> None:
        """Nothing is preferred here."""
        del scored, entries
