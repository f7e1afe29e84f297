"""The checks of answers over a stream: what may be the beginning of something is held until it is known."""

import re
from collections.abc import Callable

from luthier.text.pii.spans import Span

MOST_HELD = 4_096
CONTEXT = 128
_OPENER = re.compile(r"!?\[|<")
_WORDS = ("www", "data", "javascript", "mailto")
_BEGUN = "|".join(word[:length] for word in _WORDS for length in range(len(word), 0, -1))
_TAIL = re.compile(
    r"(?:(?:[A-Za-z][A-Za-z0-9+.-]{0,31}:)?\\?/(?:\\?(?:/\S{0,4096})?)?|!|\\"
    rf"|(?<!\w)(?:www\.|(?:data|javascript|mailto):)\S{{0,4096}}|(?<!\w)(?:{_BEGUN}))\Z",
    re.IGNORECASE,
)
Clean = Callable[[str], str]


class Held:
    """Text on its way out; `feed` gives what is safe to send, cleaned, and `end` the rest."""

    def __init__(self, clean: Clean, *, spans: Callable[[str], list[Span]] | None = None) -> None:
        self._clean = clean
        self._spans = spans
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be sent now that `text` has come."""
        text = self._held + text
        cut = self._cut(text)
        self._held = text[cut:]
        return self._clean(text[:cut]) if cut else ""

    def end(self) -> str:
        """What was still held."""
        text, self._held = self._held, ""
        return self._clean(text) if text else ""

    def _cut(self, text: str) -> int:
        cut = len(text)
        if tail := _TAIL.search(text[-MOST_HELD:]):
            cut = max(0, len(text) - MOST_HELD) + tail.start()
        for opener in _OPENER.finditer(text, max(0, len(text) - MOST_HELD)):
            if opener.start() >= cut:
                break
            if _is_open(text, opener.end() - 1):
                cut = opener.start()
                break
        return cut if self._spans is None else self._before_spans(text, cut)

    def _before_spans(self, text: str, cut: int) -> int:
        """Not within a span nor within the context in which one may grow."""
        if self._spans is None:
            return cut
        cut = min(cut, max(0, len(text) - CONTEXT))
        while 0 < cut < len(text) and not text[cut - 1].isspace():
            cut -= 1
        for span in self._spans(text):
            if span.start < cut < span.end:
                return span.start
        return cut


def _is_open(text: str, place: int) -> bool:
    """Whether what begins at `place` may still become a link, an image, a tag or a placeholder."""
    rest = text[place + 1 :]
    if text[place] == "<":
        return ">" not in rest and (not rest or rest[0].isalpha() or rest[0] in "/ \t\n")
    depth = 1
    for offset, sign in enumerate(rest):
        if sign == "\n":
            return False
        depth += (sign == "[") - (sign == "]")
        if depth == 0:
            return _label_is_open(rest[offset + 1 :])
    return True


def _label_is_open(after: str) -> bool:
    """Whether a closed `[label]` still waits for its address or for the end of it."""
    if not after:
        return True
    if after[0] == ":":
        return "\n" not in after
    if after[0] != "(":
        return False
    depth = 0
    for sign in after:
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return False
    return True
