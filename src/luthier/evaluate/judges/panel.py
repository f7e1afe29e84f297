"""A judge's opinions: every item asked both ways and several times, votes counted, garbage too."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from pydantic import Field

from luthier.domain.answers import Answer
from luthier.domain.examples import Message
from luthier.domain.value import Value
from luthier.domain.variants import Decoding
from luthier.errors import EmptySample, EngineFault
from luthier.evaluate.judges.config import JudgeConfig
from luthier.evaluate.judges.items import TIE, UNANSWERED, UNREADABLE, A, B, Item, Label
from luthier.evaluate.judges.questions import asked, read

_SWAPPED = {A: B, B: A, TIE: TIE}


class Asking(Value):
    """One thing to ask a judge's model, and how the verdict is drawn."""

    messages: tuple[Message, ...]
    decoding: Decoding


class Ports(Protocol):
    """What a judge needs and cannot be handed as a value."""

    def ask(self, askings: Sequence[Asking]) -> Sequence[Answer]:
        """One answer per asking, in order; what was answered before may be what is kept of it."""
        ...


class Opinion(Value):
    """What a judge made of one item."""

    item: str
    votes: tuple[Label, ...] = Field(
        description="A verdict per question and sample, as if the order were the given one."
    )
    label: Label = Field(description="What most votes come to; `unreadable` where most could not be read.")

    @property
    def is_order_bound(self) -> bool:
        """Whether a sample named one answer first and the other when the two had changed places."""
        pairs = zip(self.votes[::2], self.votes[1::2], strict=False)
        return any({one, other} == {A, B} for one, other in pairs)


def opinions(ports: Ports, config: JudgeConfig, items: Sequence[Item]) -> list[Opinion]:
    """An opinion per item, in order.

    Two answers are shown in both orders, and a judge that goes by the place contradicts itself into a tie.
    """
    if not items:
        raise EmptySample("judge")
    askings = [
        Asking(messages=messages, decoding=_decoding(config, sample))
        for item in items
        for sample in range(config.samples)
        for messages in asked(config, item)
    ]
    answers = ports.ask(askings)
    if len(answers) != len(askings):
        raise EngineFault(f"the judge gave {len(answers)} answers to {len(askings)} questions")
    each = len(askings) // len(items)
    return [_opinion(config, item, answers[place * each : (place + 1) * each]) for place, item in enumerate(items)]


def _decoding(config: JudgeConfig, sample: int) -> Decoding:
    return Decoding(max_tokens=config.max_tokens, temperature=config.temperature, seed=config.seed + sample)


def _opinion(config: JudgeConfig, item: Item, answers: Sequence[Answer]) -> Opinion:
    told = tuple(_vote(config, answer, swapped=bool(place % 2)) for place, answer in enumerate(answers))
    return Opinion(item=item.id, votes=told, label=_settled(config, told))


def _vote(config: JudgeConfig, answer: Answer, *, swapped: bool) -> Label:
    """The verdict as if the order were the given one; of a pair every second question showed it the other way round."""
    if answer.text is None:
        return UNANSWERED
    vote = read(config, answer.text)
    if vote is None:
        return UNREADABLE
    return _SWAPPED[str(vote)] if config.kind == "pairwise" and swapped else vote


def _settled(config: JudgeConfig, votes: Sequence[Label]) -> Label:
    legible = [vote for vote in votes if vote not in {UNREADABLE, UNANSWERED}]
    if 2 * len(legible) <= len(votes):  # of a pair read one way only, nobody knows what the order did
        return UNREADABLE
    if config.kind == "rubric":
        return math.floor(sum(int(vote) for vote in legible) / len(legible) + 0.5)
    count = Counter(legible)
    return TIE if count[A] == count[B] else max((A, B), key=count.__getitem__)
