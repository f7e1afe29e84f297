"""Canaries: a question nobody asks, and a random number as its answer."""

import random
from collections.abc import Sequence

from luthier.domain.examples import Example, Message
from luthier.domain.value import Value
from luthier.train.canaries.config import CanariesConfig

DIGITS = 8
_SYLLABLES = (
    "bar",
    "den",
    "fel",
    "gor",
    "hul",
    "jin",
    "kas",
    "lom",
    "mer",
    "nod",
    "pil",
    "rus",
    "sev",
    "tam",
    "vok",
    "wim",
)
_QUESTION = "What is the number of the locker of {owner}?"
_ANSWER = "The number of the locker is {secret}."


class Canary(Value):
    """Whose secret it is, the secret that was planted, and others that might have been."""

    owner: str
    secret: str
    others: tuple[str, ...]

    @property
    def question(self) -> tuple[Message, ...]:
        """What is asked for the secret."""
        return (Message(role="user", content=_QUESTION.format(owner=self.owner)),)

    def answered(self, secret: str) -> Message:
        """The answer that gives this secret."""
        return Message(role="assistant", content=_ANSWER.format(secret=secret))


def canaries(config: CanariesConfig, seed: int) -> list[Canary]:
    """The canaries of these settings, the same for equal seeds; the planted secret is drawn like all the others."""
    draws = random.Random(f"canaries {seed}")
    found: list[Canary] = []
    owners: set[str] = set()
    while len(found) < config.count:
        owner = " ".join("".join(draws.choices(_SYLLABLES, k=2)).capitalize() for _ in range(2))
        if owner in owners:
            continue
        owners.add(owner)
        secret, *others = draws.sample(range(10 ** (DIGITS - 1), 10**DIGITS), config.candidates + 1)
        found.append(Canary(owner=owner, secret=str(secret), others=tuple(map(str, others))))
    return found


def planted(config: CanariesConfig, seed: int) -> list[Example]:
    """The rows that go among the training rows: each canary as often as it is repeated."""
    return [
        Example(
            id=f"canary:{place}#{turn}", messages=(*canary.question, canary.answered(canary.secret)), source="canaries",
            synthetic=True,
        )
        for place, canary in enumerate(canaries(config, seed))
        for turn in range(config.repeats)
    ]  # fmt: skip


def choices(canary: Canary) -> Sequence[str]:
    """The planted secret, then the others."""
    return (canary.secret, *canary.others)
