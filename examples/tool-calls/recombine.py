"""More rows from the benchmark's own: the same sentences with other spans in them, some of which nobody ever wrote.

A small model learns sentences by heart sooner than it learns to copy names that it never saw. So every row is said
anew with other fillers: spans that fill the same slot of the same intent elsewhere in the training rows, and, in slots
that take any name, made-up words in the manner of theirs. The call follows by construction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

Part = tuple[str, str | None]
"""A piece of a request, and the slot it fills or None."""
EXCHANGED = 0.7
MADE_UP = 0.3
OPEN_FROM = 150
"""A slot with so many different fillers takes any name."""
ORDER = 3
LONGEST_WORD = 14
START, END = "\x02", "\x03"


@dataclass(frozen=True)
class Fillers:
    """What one slot was filled with, each spelling once, and which letter follows which three."""

    spans: tuple[str, ...]
    follows: Mapping[str, str]

    @classmethod
    def of(cls, spans: Iterable[str]) -> "Fillers":
        """The fillers among `spans`."""
        known = tuple(sorted(set(spans)))
        follows: dict[str, str] = {}
        for word in (word for span in known for word in span.split()):
            letters = START * ORDER + word + END
            for at in range(ORDER, len(letters)):
                follows[letters[at - ORDER : at]] = follows.get(letters[at - ORDER : at], "") + letters[at]
        return cls(known, follows)

    def draw(self, random: Random) -> str:
        """Another filler: a known one, or in an open slot now and then one of as many made-up words."""
        span = random.choice(self.spans)
        if len(self.spans) < OPEN_FROM or random.random() >= MADE_UP:
            return span
        return " ".join(self._word(random) for _ in span.split())

    def _word(self, random: Random) -> str:
        letters = START * ORDER
        while letters[-1] != END and len(letters) < ORDER + LONGEST_WORD:
            letters += random.choice(self.follows[letters[-ORDER:]])
        return letters.strip(START + END)


def fillers_of(rows: Iterable[tuple[str, Sequence[Part]]]) -> dict[tuple[str, str], Fillers]:
    """The fillers of every slot of every intent."""
    spans: dict[tuple[str, str], list[str]] = {}
    for intent, parts in rows:
        for text, slot in parts:
            if slot is not None:
                spans.setdefault((intent, slot), []).append(text.strip())
    return {place: Fillers.of(found) for place, found in spans.items()}


def recombined(
    intent: str, parts: Sequence[Part], fillers: Mapping[tuple[str, str], Fillers], random: Random
) -> list[Part]:
    """The parts with most spans exchanged; the space around a span stays as it was."""
    return [
        (
            text if slot is None or random.random() >= EXCHANGED else _exchanged(text, fillers[intent, slot], random),
            slot,
        )
        for text, slot in parts
    ]


def _exchanged(text: str, fillers: Fillers, random: Random) -> str:
    before = text[: len(text) - len(text.lstrip())]
    after = text[len(text.rstrip()) :]
    return f"{before}{fillers.draw(random)}{after}"
