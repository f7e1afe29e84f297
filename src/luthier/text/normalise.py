"""Text as it is compared: what a reader cannot see, or would not count as a difference, is folded away."""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d\u043a\u043c\u0442"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
    "\u03bf\u03b1\u03bd\u03c1\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7",
    "aeopcyxijsdhqwkmt" + "ABEKMHOPCTXIJS" + "oavpABEZHIKMNOPTX",
)
"""Cyrillic and Greek letters that a reader takes for Latin ones."""

_JOINERS = {"\u034f", "\u115f", "\u1160", "\u3164", "\uffa0"}
_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['\u2019][^\W\d_]+)?|[^\W_]+")


class Visible(NamedTuple):
    """A text without its invisible characters, and where each character came from."""

    text: str
    origin: list[int] | None
    """Index in the original of each character; None where nothing was left out."""

    def span_in_original(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original that shows as `text[start:end]`."""
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


def fold(text: str) -> str:
    """`text` without differences in case, width, spacing, invisible characters and look-alike letters."""
    if text.isascii():
        return " ".join(text.casefold().split())
    shown = "".join(char for char in unicodedata.normalize("NFKC", text) if not is_invisible(char))
    return " ".join(unicodedata.normalize("NFKC", shown.translate(_LOOKALIKES).casefold()).split())


def words(text: str) -> list[str]:
    """The words and figures of `text`, folded, in order; punctuation is no word."""
    return _WORD.findall(fold(text))


def visible(text: str) -> Visible:
    """What a reader sees of `text`, one plain character per character where that is possible."""
    changed = [] if text.isascii() else rewritten().findall(text)
    if not any(map(is_invisible, changed)):
        return Visible(rewritten().sub(lambda match: _plain(match[0]), text) if changed else text, None)
    pieces: list[str] = []
    origin: list[int] = []
    place = 0
    for match in rewritten().finditer(text):
        start, place = place, match.end()
        shown = "" if is_invisible(match[0]) else _plain(match[0])
        pieces += (text[start : match.start()], shown)
        origin += range(start, match.start() + len(shown))
    origin += range(place, len(text))
    return Visible("".join([*pieces, text[place:]]), origin)


def is_invisible(char: str) -> bool:
    """Whether `char` takes no room: format controls, variation selectors, fillers."""
    if char < "\u00ad":
        return False
    return char in _JOINERS or "\ufe00" <= char <= "\ufe0f" or unicodedata.category(char) == "Cf"


@cache
def rewritten() -> re.Pattern[str]:
    """Matches what `visible` may leave out or rewrite: all such characters up to U+2FFF, and rarer scripts whole."""
    some = "".join(re.escape(chr(n)) for n in range(128, 0x3000) if is_invisible(chr(n)) or _plain(chr(n)) != chr(n))
    return re.compile(f"[{some}\u3000-\u3040\u3100-\u4dff\ua000-\U0010ffff]")


def _plain(char: str) -> str:
    """The compatibility form of one character, where it is one character too."""
    if char.isascii():
        return char
    plain = unicodedata.normalize("NFKC", char).translate(_LOOKALIKES)
    return plain if len(plain) == 1 else char
