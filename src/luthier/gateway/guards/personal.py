"""Personal data taken out of a conversation and put back into its answer; a sieve spares texts that hold none."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from luthier.text.pii import Action, find_pii, mask, pii_recognisers, take_out
from luthier.text.pii.spans import Span, gates

Clear = Callable[[str], str]
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]{1,40}(?:_[0-9]{1,3})?>")
MOST_PLACEHOLDER_CHARACTERS = 48


def _python(pattern: str) -> str:
    """A gate's pattern, written for Rust's engine, in Python's words; ASCII texts only, where both mean the same."""
    for flags, ours in (("(?i-u)", "(?i:"), ("(?-u)", "(?:"), ("(?i)", "(?i:")):
        if pattern.startswith(flags):
            return f"{ours}{pattern.removeprefix(flags)})"
    return f"(?:{pattern})"


_DIGIT = re.compile(r"[0-9]")
_BEGINS_WITH_DIGIT = re.compile(r"^(?:\(\?-u\))?\[0-9\](?!.*\|)")
"""Gates of which every text that passes has a digit: one look spares those who have none."""


class Sieve:
    """Whether a text may hold personal data: no for a text is proof, by the gates that recognisers declare."""

    def __init__(self) -> None:
        grouped: dict[str, dict[str, re.Pattern[str]]] = {}
        for entity in gates:
            for gate in gates[entity]:
                rest = [*gate.needs[1:], *([gate.said] if gate.said else [])]
                whole = "".join(f"(?=[\\s\\S]*?{_python(need)})" for need in rest)
                grouped.setdefault(gate.needs[0], {})[whole] = re.compile(whole)
        self._is_open = any(name not in gates for name in pii_recognisers)
        found = {
            first: (_finder(first), [rests[""]] if "" in rests else list(rests.values()))
            for first, rests in grouped.items()
        }
        self._numeric = [gate for first, gate in found.items() if _BEGINS_WITH_DIGIT.match(first)]
        self._others = [gate for first, gate in found.items() if not _BEGINS_WITH_DIGIT.match(first)]

    def may_hold(self, text: str) -> bool:
        """False only where `find_pii` finds nothing."""
        if self._is_open or not text.isascii() or "\\u" in text:
            return True
        low, gates_of_text = text.lower(), self._others
        if _DIGIT.search(text):
            gates_of_text = [*self._numeric, *self._others]
        return any(finds(text, low) and any(rest.match(text) for rest in rests) for finds, rests in gates_of_text)


def _finder(need: str) -> Callable[[str, str], object]:
    """Whether a text (as it is, and in small letters) has what a gate needs first; plain words are sought as such."""
    is_caseless, bare = (
        need.startswith("(?i-u)"),
        re.sub(r"^\(\?i?-u\)", "", need).replace("\\-", "-").replace("\\ ", " "),
    )
    words = bare.split("|")
    if not re.search(r"[\\\[\](){}.*+?^$]", bare):
        if is_caseless:
            return lambda _, low: any(word in low for word in words)
        return lambda text, _: any(word in text for word in words)
    pattern = re.compile(_python(need))
    return lambda text, _: pattern.search(text)


SIEVE = Sieve()


def clearing(action: Action, salt: str, key: str | None, *, alone: Collection[str] = ()) -> Clear:
    """A function that takes personal data out of a text as the data stage took it out of rows.

    With entities that count `alone` every text is read: the sieve looks for the words that the others need.
    """

    def cleared(text: str) -> str:
        if not alone and not SIEVE.may_hold(text):
            return text
        return take_out(text, action, salt, key=key, alone=alone).text

    return cleared


@dataclass
class Vault:
    """What was masked in one conversation, by placeholder: the first value of a kind as training rows have it."""

    values: dict[str, str] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def masked(self, text: str) -> str:
        """`text` with each value under its own placeholder, the same value always under the same."""
        if not SIEVE.may_hold(text):
            return text
        spans = find_pii(text)
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
    if not SIEVE.may_hold(answer):
        return []
    return [span for span in find_pii(answer) if span.entity != "URL" and answer[span.start : span.end] not in known]


def masked_leaks(answer: str, spans: list[Span]) -> str:
    """The answer with what leaked under the names of its kinds."""
    return mask(answer, spans)
