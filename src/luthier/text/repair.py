"""Text as its author meant it: one Unicode form, no control characters, no UTF-8 that was read as Latin letters."""

import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LEADS = "\u00c2\u00c3\u00c4\u00c5\u00cb\u00ce\u00cf\u00d0\u00d1\u00e2\u00f0"
"""What the first bytes of UTF-8 look like where they are read as Windows-1252."""
_SUSPECT = re.compile(
    rf"[{_LEADS}][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]+"
)
_UNSURE = re.compile(r".[\u00ab\u00bb\u2013-\u203a]")
"""A letter before a dash or a quotation mark: \u201eMA\u00c7\u00c3\u201d is Portuguese, not a misread letter."""

_BETWEEN = frozenset(["\u00ad", *map(chr, range(0x80, 0xA0))])
"""Soft hyphens, and what is only half undone where a text was misread twice."""

_ROUNDS = 3


def normalised(text: str) -> str:
    """NFC with line feeds alone and without control characters or blanks around it."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return _CONTROL.sub("", text).strip()


def without_mojibake(text: str) -> str:
    """`text` with every run of letters that can only be misread UTF-8 as what it was; all else as it is.

    A run is undone where its bytes are well-formed UTF-8 for a letter or sign that people write; German or French text
    holds no such runs. One that could also be a letter before a quotation mark is undone only beside others that could
    not. Twice misread text is undone twice.
    """
    if text.isascii():
        return text
    for _ in range(_ROUNDS):
        if all(_UNSURE.fullmatch(run) for run in _SUSPECT.findall(text)):
            return text
        mended = _SUSPECT.sub(_undone, text)
        if mended == text:
            return text
        text = mended
    return text


def _undone(found: re.Match[str]) -> str:
    run = found.group()
    try:
        told = b"".join(_byte(char) for char in run).decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return run
    return told if all(unicodedata.category(char)[0] in "LMPSNZ" or char in _BETWEEN for char in told) else run


def _byte(char: str) -> bytes:
    """The byte that was read as `char`; those without a letter in Windows-1252 were passed on as they were."""
    return bytes([ord(char)]) if ord(char) < 256 else char.encode("cp1252")
