"""What the loop asks of an objective; it knows nothing else about methods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch

from luthier.train.backends.encode import Encoded
from luthier.train.backends.sheets import Sheet


class Entry(Protocol):
    """One row ready to train on: the token sequences that it is made of."""

    @property
    def id(self) -> str:
        """The row's own id."""
        ...

    @property
    def texts(self) -> tuple[Encoded, ...]:
        """Sequences that the model reads with a gradient."""
        ...


LEAST_GAIN = 1e-3
"""Nats that an answer must gain or lose before it counts: less is rounding, as all is before the first step."""

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class Scored:
    """What the model thinks of some sequences."""

    sheet: Sheet
    logits: torch.Tensor
    """After each of the sheet's picks, shape [picks, vocabulary]."""
    log_probs: torch.Tensor
    """Of each target, shape [targets]."""

    @property
    def sums(self) -> torch.Tensor:
        """Log-probability of each sequence's targets together, shape [sequences]."""
        return torch.zeros(self.sheet.rows, device=self.log_probs.device).index_add(0, self.sheet.row, self.log_probs)

    @property
    def counts(self) -> torch.Tensor:
        """Targets of each sequence, shape [sequences]."""
        return torch.bincount(self.sheet.row, minlength=self.sheet.rows)


class Scorer(Protocol):
    """The model on its bench, as objectives may use it outside of a step."""

    @property
    def model(self) -> Any:
        """The model itself."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def sums(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """Log-probability of each sequence's targets together, without gradients, in the order of `texts`."""
        ...

    def reference_sums(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """The same of the model as it was before training."""
        ...


class Objective(Protocol[E]):
    """How rows become a loss."""

    def settle(self, scorer: Scorer, entries: Sequence[E]) -> list[E]:
        """The entries with all that is computed once, before the run; the model is then untouched."""
        ...

    def ready(self, scorer: Scorer, entries: Sequence[E], *, seed: int | None) -> list[E]:
        """The entries with all that depends on the model as it is now; `seed` is the step's, None in evaluations."""
        ...

    def count(self, entries: Sequence[E]) -> int:
        """What the summed loss is divided by."""
        ...

    def loss(self, scored: Scored, entries: Sequence[E]) -> torch.Tensor:
        """The summed loss; `scored` holds the texts of the entries, one after the other."""
        ...

    def agreements(self, scored: Scored, entries: Sequence[E]) -> int | None:
        """How many of the entries' preferences the model shares; None where there are none."""
        ...


def length(entry: Entry) -> int:
    """Tokens of an entry's texts, as they would be read one by one."""
    return sum(len(text.tokens) for text in entry.texts)
