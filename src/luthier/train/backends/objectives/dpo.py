"""Direct preference optimisation (Rafailov et al., 2023) and identity preference optimisation (Azar et al., 2023)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import logsigmoid

from luthier.train.backends.encode import Encoded
from luthier.train.backends.objectives.protocol import LEAST_GAIN, Scored, Scorer
from luthier.train.config import DpoConfig


@dataclass(frozen=True)
class Pair:
    """A preferred answer, another one, and what the reference thinks of both."""

    chosen: Encoded
    rejected: Encoded
    reference: tuple[float, float] = (0.0, 0.0)
    """Log-probability of the chosen and of the rejected answer before training."""

    @property
    def id(self) -> str:
        """The pair's id."""
        return self.chosen.id

    @property
    def texts(self) -> tuple[Encoded, ...]:
        """Both conversations; what they begin with is computed once."""
        return (self.chosen, self.rejected)


@dataclass(frozen=True)
class Preferred:
    """Mean loss per pair."""

    config: DpoConfig

    def settle(self, scorer: Scorer, entries: Sequence[Pair]) -> list[Pair]:
        """Each pair with its reference."""
        sums = scorer.reference_sums([text for entry in entries for text in entry.texts]).view(-1, 2).tolist()
        return [replace(entry, reference=(good, bad)) for entry, (good, bad) in zip(entries, sums, strict=True)]

    def ready(self, scorer: Scorer, entries: Sequence[Pair], *, seed: int | None) -> list[Pair]:
        """The pairs as they are."""
        del scorer, seed
        return list(entries)

    def count(self, entries: Sequence[Pair]) -> int:
        """Pairs."""
        return len(entries)

    def loss(self, scored: Scored, entries: Sequence[Pair]) -> torch.Tensor:
        """The summed loss of the pairs; IPO compares log-probabilities per token, so that length earns nothing."""
        gains = _gains(scored, entries)
        if self.config.loss == "ipo":
            per_token = gains / scored.counts.view(-1, 2)
            return (per_token[:, 0] - per_token[:, 1] - 1 / (2 * self.config.beta)).square().sum()
        margin = self.config.beta * (gains[:, 0] - gains[:, 1])
        swapped = self.config.label_smoothing
        return -(logsigmoid(margin) * (1 - swapped) + logsigmoid(-margin) * swapped).sum()

    def agreements(self, scored: Scored, entries: Sequence[Pair]) -> int | None:
        """Pairs whose chosen answer gained more over the reference than the rejected one."""
        gains = _gains(scored, entries)
        return int((gains[:, 0] - gains[:, 1] > LEAST_GAIN).sum())


def _gains(scored: Scored, entries: Sequence[Pair]) -> torch.Tensor:
    """Log-probability over the reference's, shape [pairs, 2]."""
    sums = scored.sums
    return sums.view(-1, 2) - torch.tensor([entry.reference for entry in entries], device=sums.device)
