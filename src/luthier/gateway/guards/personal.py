"""Personal data taken out of a conversation and put back into its answer."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from luthier.text.pii import Action, find_pii, mask, take_out
from luthier.text.pii.sieve import sieve_of
from luthier.text.pii.spans import Span

Clear = Callable[[str], str]
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]{1,40}(?:_[0-9]{1,3})?>")
MOST_PLACEHOLDER_CHARACTERS = 48


def clearing(action: Action, salt: str, key: str | None, *, alone: Collection[str] = ()) -> Clear:
    """A function that takes personal data out of a text as the data stage took it out of rows."""
    sieve = sieve_of(frozenset(alone))

    def cleared(text: str) -> str:
        return take_out(text, action, salt, key=key, alone=alone).text if sieve.may_hold(text) else text

    return cleared


@dataclass
class Vault:
    """What was masked in one conversation, by placeholder: the first value of a kind as training rows have it."""

    alone: Collection[str] = ()
    """Entities that count without a word that says what they are."""

    values: dict[str, str] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def masked(self, text: str) -> str:
        """`text` with each value under its own placeholder, the same value always under the same."""
        if not sieve_of(frozenset(self.alone)).may_hold(text):
            return text
        spans = find_pii(text, alone=self.alone)
        parts, place = [], 0
        for span in spans:
            parts += [text[place : span.start], self._name(span, text[span.start : span.end])]
            place = span.end
        return "".join([*parts, text[place:]])

    def restored(self, text: str) -> str:
        """`text` with the values back in place of their placeholders."""
        if not self.values or "<" not in text:
            return text
        return _PLACEHOLDER.sub(lambda found: self.values.get(found[0], found[0]), text)

    def _name(self, span: Span, value: str) -> str:
        name = self.names.get((span.entity, value))
        if name is None:
            count = sum(entity == span.entity for entity, _ in self.names) + 1
            name = f"<{span.entity}>" if count == 1 else f"<{span.entity}_{count}>"
            self.names[span.entity, value] = name
            self.values[name] = value
        return name


def leaked(answer: str, known: str) -> list[Span]:
    """Personal data and secrets of the answer that the conversation did not hold."""
    if not sieve_of().may_hold(answer):
        return []
    return [span for span in find_pii(answer) if span.entity != "URL" and answer[span.start : span.end] not in known]


def masked_leaks(answer: str, spans: list[Span]) -> str:
    """The answer with what leaked under the names of its kinds."""
    return mask(answer, spans)
