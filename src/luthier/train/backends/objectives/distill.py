"""Learning distributions, partly on own samples (Agarwal et al., On-Policy Distillation of Language Models, 2024)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn.functional import log_softmax

from luthier.train.backends.encode import Encoded
from luthier.train.backends.objectives.protocol import Scored, Scorer
from luthier.train.backends.sampling import sample_answers
from luthier.train.backends.teacher import Teacher
from luthier.train.config import DistillConfig


@dataclass(frozen=True)
class Lesson:
    """A conversation and what the teacher was about to say at each of its targets."""

    text: Encoded
    states: torch.Tensor | None = None
    """The teacher's last hidden states before the targets; its output layer turns them into its distributions again."""

    @property
    def id(self) -> str:
        """The conversation's id."""
        return self.text.id

    @property
    def texts(self) -> tuple[Encoded, ...]:
        """The conversation."""
        return (self.text,)


@dataclass(frozen=True)
class Distilled:
    """Mean generalised Jensen-Shannon divergence per target token, in nats."""

    config: DistillConfig
    teacher: Teacher
    tokenizer: Any
    context_tokens: int

    def settle(self, scorer: Scorer, entries: Sequence[Lesson]) -> list[Lesson]:
        """Each row with the teacher's states, computed once."""
        del scorer
        return self._taught([entry.text for entry in entries])

    def ready(self, scorer: Scorer, entries: Sequence[Lesson], *, seed: int) -> list[Lesson]:
        """The rows themselves, or in a share of the steps their prompts with answers that the student samples now."""
        if random.Random(seed).random() >= self.config.student_share:
            return list(entries)
        sampled = sample_answers(
            scorer, self.tokenizer, [entry.text for entry in entries], seed=seed, temperature=self.config.temperature,
            most_tokens=self.config.max_sampled_tokens, context_tokens=self.context_tokens,
        )  # fmt: skip
        return self._taught(sampled)

    def count(self, entries: Sequence[Lesson]) -> int:
        """Target tokens."""
        return sum(len(entry.text.targets) for entry in entries)

    def loss(self, scored: Scored, entries: Sequence[Lesson]) -> torch.Tensor:
        """Nats of divergence over all target tokens."""
        states = torch.cat([entry.states for entry in entries if entry.states is not None])
        with torch.no_grad():
            teacher = log_softmax(self.teacher.logits(states).float() / self.config.temperature, dim=-1)
        student = log_softmax(scored.logits.float() / self.config.temperature, dim=-1)[scored.sheet.of_pick]
        return divergence(student, teacher, self.config.beta)

    def agreements(self, scored: Scored, entries: Sequence[Lesson]) -> None:
        """Nothing is preferred here."""
        del scored, entries

    def _taught(self, texts: Sequence[Encoded]) -> list[Lesson]:
        found = self.teacher.states(texts)
        return [replace(Lesson(text), states=states) for text, states in zip(texts, found, strict=True)]


def divergence(student: torch.Tensor, teacher: torch.Tensor, beta: float) -> torch.Tensor:
    """Generalised Jensen-Shannon divergence of log-distributions, summed over rows.

    `beta` 0 is the divergence of the student from the teacher's point of view (it must cover what the teacher may say),
    1 the other way round.
    """
    if beta == 0:
        return _relative_entropy(teacher, student)
    if beta == 1:
        return _relative_entropy(student, teacher)
    weights = torch.tensor([1 - beta, beta], device=student.device).log()
    middle = torch.logsumexp(torch.stack([student + weights[0], teacher + weights[1]]), dim=0)
    return beta * _relative_entropy(teacher, middle) + (1 - beta) * _relative_entropy(student, middle)


def _relative_entropy(of: torch.Tensor, against: torch.Tensor) -> torch.Tensor:
    return (of.exp() * (of - against)).sum()
