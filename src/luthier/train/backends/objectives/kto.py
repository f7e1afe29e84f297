"""Kahneman-Tversky optimisation (Ethayarajh et al., 2024): single answers judged good or bad."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from luthier.train.backends.encode import Encoded
from luthier.train.backends.objectives.protocol import LEAST_GAIN, Scored, Scorer
from luthier.train.config import KtoConfig


@dataclass(frozen=True)
class Opinion:
    """One answer with its judgement, and an answer to another prompt that tells how far the model has moved at all."""

    text: Encoded
    is_good: bool
    mismatched: Encoded | None
    reference: float = 0.0
    mismatched_reference: float = 0.0
    baseline: float = 0.0
    """Nats that the model moved from the reference, on average over the batch; what a gain is measured against."""

    @property
    def id(self) -> str:
        """The judgement's id."""
        return self.text.id

    @property
    def texts(self) -> tuple[Encoded, ...]:
        """The judged conversation; the mismatched one is read without gradients, in `ready`."""
        return (self.text,)


@dataclass(frozen=True)
class JudgedAnswers:
    """Mean loss per judgement."""

    config: KtoConfig

    def settle(self, scorer: Scorer, entries: Sequence[Opinion]) -> list[Opinion]:
        """Each judgement with both of its references."""
        own = scorer.reference_sums([entry.text for entry in entries]).tolist()
        moved = [entry.mismatched for entry in entries if entry.mismatched is not None]
        others = iter(scorer.reference_sums(moved).tolist() if moved else [])
        return [
            replace(entry, reference=sum_, mismatched_reference=next(others) if entry.mismatched else 0.0)
            for entry, sum_ in zip(entries, own, strict=True)
        ]

    def ready(self, scorer: Scorer, entries: Sequence[Opinion], *, seed: int | None) -> list[Opinion]:
        """Each judgement with the batch's baseline, which is never below zero."""
        del seed
        known = [(entry.mismatched, entry.mismatched_reference) for entry in entries if entry.mismatched is not None]
        if not known:
            return list(entries)
        sums = scorer.sums([text for text, _ in known])
        gains = sums - torch.tensor([reference for _, reference in known], device=sums.device)
        baseline = max(0.0, gains.mean().item())
        return [replace(entry, baseline=baseline) for entry in entries]

    def count(self, entries: Sequence[Opinion]) -> int:
        """Judgements."""
        return len(entries)

    def loss(self, scored: Scored, entries: Sequence[Opinion]) -> torch.Tensor:
        """The summed loss: a good answer is to gain more than the baseline, a bad one less."""
        values = [
            (1.0, self.config.good_weight) if entry.is_good else (-1.0, self.config.bad_weight) for entry in entries
        ]
        signs, weights = torch.tensor(values, device=scored.log_probs.device).T
        over = _gains(scored, entries) - torch.tensor([entry.baseline for entry in entries], device=signs.device)
        losses: torch.Tensor = weights * (1 - torch.sigmoid(signs * self.config.beta * over))
        return losses.sum()

    def agreements(self, scored: Scored, entries: Sequence[Opinion]) -> int | None:
        """Good answers that gained on the reference and bad ones that lost."""
        gains = _gains(scored, entries)
        signs = torch.tensor([1.0 if entry.is_good else -1.0 for entry in entries], device=gains.device)
        return int((signs * gains > LEAST_GAIN).sum())


def _gains(scored: Scored, entries: Sequence[Opinion]) -> torch.Tensor:
    sums = scored.sums
    return sums - torch.tensor([entry.reference for entry in entries], device=sums.device)
