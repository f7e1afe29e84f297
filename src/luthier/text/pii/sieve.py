"""A look at one text that spares those without personal data the whole search: `batch` does so for many at once."""

import re
from collections.abc import Callable, Collection
from functools import cache

from luthier.text.pii.spans import gates, pii_recognisers


@cache
def sieve_of(alone: frozenset[str] = frozenset()) -> "Sieve":
    """The sieve for these entities that count alone; made once for each set of them."""
    return Sieve(alone)


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
    """Whether a text may hold personal data: no for a text is proof, by the gates that recognisers declare.

    The entities `alone` need no word that says what they are, as in `find_pii`.
    """

    def __init__(self, alone: Collection[str] = ()) -> None:
        grouped: dict[str, dict[str, re.Pattern[str]]] = {}
        for entity in gates:
            for gate in gates[entity]:
                said: tuple[str, ...] = () if gate.said is None or entity in alone else (gate.said,)
                first, *rest = (*gate.needs, *said)
                whole = "".join(f"(?=[\\s\\S]*?{_python(need)})" for need in rest)
                grouped.setdefault(first, {})[whole] = re.compile(whole)
        self._is_open = any(name not in gates for name in pii_recognisers)
        found = {
            first: (_finder(first), [rests[""]] if "" in rests else list(rests.values()))
            for first, rests in grouped.items()
        }
        self._numeric = [gate for first, gate in found.items() if _BEGINS_WITH_DIGIT.match(first)]
        self._others = [gate for first, gate in found.items() if not _BEGINS_WITH_DIGIT.match(first)]

    def may_hold(self, text: str) -> bool:
        """False only where `find_pii` finds nothing with the same `alone`."""
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
