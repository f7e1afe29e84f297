"""Learning distributions, partly on own samples (Agarwal et al., On-Policy Distillation of Language Models, 2024)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    _known: dict[str, torch.Tensor] = field(default_factory=dict)
    """The teacher's states for the rows' own answers, by id; they never change."""

    def settle(self, scorer: Scorer, entries: Sequence[Lesson]) -> list[Lesson]:
        """The rows as they are: the teacher reads a row when its turn comes, for some runs never need it."""
        del scorer
        return list(entries)

    def ready(self, scorer: Scorer, entries: Sequence[Lesson], *, seed: int | None) -> list[Lesson]:
        """The rows themselves, or in a share of the steps their prompts with answers that the student samples now."""
        texts = [entry.text for entry in entries]
        if seed is not None and random.Random(seed).random() < self.config.student_share:
            sampled = sample_answers(
                scorer, self.tokenizer, texts, seed=seed, temperature=self.config.temperature,
                most_tokens=self.config.max_sampled_tokens, context_tokens=self.context_tokens,
            )  # fmt: skip
            return [Lesson(text, states) for text, states in zip(sampled, self.teacher.states(sampled), strict=True)]
        unread = [text for text in texts if text.id not in self._known]
        found = self.teacher.states(unread)
        self._known.update({text.id: states.cpu() for text, states in zip(unread, found, strict=True)})
        return [Lesson(text, self._known[text.id]) for text in texts]

    def count(self, entries: Sequence[Lesson]) -> int:
        """Target tokens."""
        return sum(len(entry.text.targets) for entry in entries)

    def loss(self, scored: Scored, entries: Sequence[Lesson]) -> torch.Tensor:
        """Nats of divergence over all target tokens."""
        states = torch.cat([entry.states for entry in entries if entry.states is not None]).to(scored.logits.device)
        with torch.no_grad():
            teacher = log_softmax(self.teacher.logits(states).float() / self.config.temperature, dim=-1)
        student = log_softmax(scored.logits.float() / self.config.temperature, dim=-1)[scored.sheet.of_pick]
        return divergence(student, teacher, self.config.beta)

    def agreements(self, scored: Scored, entries: Sequence[Lesson]) -> None:
        """Nothing is preferred here."""
        del scored, entries


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
