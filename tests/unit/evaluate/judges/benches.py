"""Judges made up for tests: each sees only the words it is asked with, as a model would."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from luthier.domain.answers import Answer
from luthier.evaluate.judges.items import Labelled
from luthier.evaluate.judges.panel import Asking

Shown = tuple[str, str, str]
Judging = Callable[[Shown], str]


def shown(asking: Asking) -> Shown:
    """The question and both answers, in the order in which the judge saw them."""
    told = asking.messages[-1].content
    found = [
        re.findall(rf"^=== {name} ===\n(.*?)\n=== END OF {name} ===", told, re.MULTILINE | re.DOTALL)
        for name in ("QUESTION", "ANSWER(?: A)?", "ANSWER B")
    ]
    question, first, second = (each[0] if each else "" for each in found)
    return question, first, second


@dataclass
class Bench:
    """A judge that answers by a rule, and counts what it was asked."""

    judging: Judging
    asked: int = 0
    seen: list[Asking] = field(default_factory=list)

    def ask(self, askings: Sequence[Asking]) -> list[Answer]:
        """Its words for each asking."""
        self.asked += len(askings)
        self.seen += askings
        return [Answer(text=self.judging(shown(asking))) for asking in askings]


def first(_: Shown) -> str:
    return "A"


def longest(told: Shown) -> str:
    _, one, other = told
    return "A" if len(one) > len(other) else "B" if len(other) > len(one) else "tie"


def as_person(rows: Sequence[Labelled], person: str) -> Judging:
    """Whoever answers as this person did, in whatever order the answers are shown."""
    said = {(row.item.question, *row.item.answers): row.people[person] for row in rows}
    said |= {
        (row.item.question, *row.item.answers[::-1]): {"a": "b", "b": "a", "tie": "tie"}[str(row.people[person])]
        for row in rows
    }
    return lambda told: f'{{"reason": "as they did", "verdict": "{str(said[told]).upper()}"}}'


def preferring(author: str, rows: Sequence[Labelled]) -> Judging:
    """Whoever knows one author's answers and always prefers them."""
    wrote: Mapping[str, set[str]] = {row.item.question: set() for row in rows}
    for row in rows:
        wrote[row.item.question].update(
            text for name, text in zip(row.authors, row.item.answers, strict=True) if name == author
        )

    def says(told: Shown) -> str:
        mine = [text in wrote[told[0]] for text in told[1:]]
        return "tie" if mine[0] == mine[1] else "A" if mine[0] else "B"

    return says
