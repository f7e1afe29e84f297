"""Money and state: bank accounts, cards, social security numbers."""

import re
from collections.abc import Iterator

from luthier.text.pii.checksums import iban_length, passes_luhn, passes_mod_97
from luthier.text.pii.spans import DIGITS, Found, Gate, raised, recogniser

_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9])")
_CARD = re.compile(r"(?<!\w)(?<!\d[.+-])[1-6](?:[ -]?\d){12,18}(?!\d|\.\d)")
_ISSUED = re.compile(
    r"1\d{14}|4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[0689]\d{12,17}|35\d{14}|6\d{15,18}|50\d{10,17}|5[6-8]\d{10,17}"
)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}([-. ]?)(?!00)\d\d([-. ]?)(?!0000)\d{4}(?![\w-])")
_SSN_WORD = re.compile(r"\b(?:ssn|ssid|social sec)", re.IGNORECASE)
_SSN_SCORES = {"-": 0.9, " ": 0.5, ".": 0.5}


@recogniser(
    "IBAN_CODE", Gate(("(?-u)[0-9]{2}[ -]?[A-Za-z0-9]", "(?-u)[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]"), by_numbers=True)
)
def ibans(text: str) -> Iterator[Found]:
    """Bank accounts with the length of their country and right check digits, in groups or not."""
    for match in _IBAN_START.finditer(text):
        length = iban_length(text[match.start() : match.start() + 2].upper())
        end = _end_of(text, match.start(), length) if length else None
        if end is not None and passes_mod_97(re.sub("[ -]", "", text[match.start() : end]).upper()):
            yield Found(match.start(), end, 1.0)


@recogniser("CREDIT_CARD", Gate((DIGITS, "(?-u)[0-9](?:[ -]?[0-9]){12}"), by_numbers=True))
def credit_cards(text: str) -> Iterator[Found]:
    """Runs of digits with an issuer's first digits and length that pass the Luhn check."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _ISSUED.fullmatch(digits) and passes_luhn(digits):
            yield Found(match.start(), match.end(), 1.0)


@recogniser("US_SSN", Gate((DIGITS, "(?-u)[0-9]{3}[ .-]?[0-9]{2}[ .-]?[0-9]{4}"), by_numbers=True))
def us_social_security_numbers(text: str) -> Iterator[Found]:
    """Numbers 3-2-4 in the ranges in use; cut otherwise or not at all only after the words."""
    for match in _SSN.finditer(text):
        score = _SSN_SCORES.get(match[1], 0.05) if match[1] == match[2] else 0.05
        said = _SSN_WORD.search(text, max(0, match.start() - 48), match.start())
        yield Found(match.start(), match.end(), raised(max(score, 0.55)) if said else score)


def _end_of(text: str, start: int, length: int) -> int | None:
    """Where `length` letters and digits end, with at most one space or hyphen between them; None if they do not."""
    seen, place, gap = 0, start, False
    while place < len(text) and seen < length:
        if text[place].isascii() and text[place].isalnum():
            seen, gap = seen + 1, False
        elif text[place] in " -" and not gap:
            gap = True
        else:
            return None
        place += 1
    whole = place >= len(text) or not text[place].isalnum()
    return place if seen == length and whole else None
