"""Recognisers of personal data and secrets: a pattern each, and a check where the pattern alone is too weak."""

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from luthier.registry import Registry
from luthier.text.pii.checksums import iban_length, passes_luhn, passes_mod_97


class Found(NamedTuple):
    """A stretch that a recogniser takes for an entity, and how sure it is, in (0, 1]."""

    start: int
    end: int
    score: float


Recogniser = Callable[[str], Iterator[Found]]
pii_recognisers: Registry[Recogniser] = Registry("pii_recogniser")
"""Under the name of the entity that each finds."""

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])")
_SPELT_AT = re.compile(r"[\[({]\s?at\s?[\])}]", re.IGNORECASE)
_SPELT_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}\s?[\[({]\s?at\s?[\])}]\s?[\w-]{1,63}"
    r"(?:(?:\.|\s?[\[({]\s?dot\s?[\])}]\s?)[\w-]{1,63}){1,5}",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:(?:https?|ftp)://|(?<![\w.@/])www\.)[^\s<>\"'`{}|\\^\[\]]{2,2048}", re.IGNORECASE)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9])")
_CARD = re.compile(r"(?<!\w)(?<!\d[.,+-])[2-6](?:[ -]?\d){12,18}(?!\d|[.,]\d)")
_ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[0689]\d{12,17}|35\d{14}|6\d{15,18}|50\d{10,17}|5[6-8]\d{10,17}"
)
_NINE_DIGITS = re.compile(r"\d{3}[ -]?\d{2}[ -]?\d{4}")
_SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_BARE_SSN = re.compile(
    r"\b(?:ssn|social security(?: (?:number|no\.?))?)(?: is|:|#|=)?\s{0,3}"
    r"((?!000|666|9)\d{3}[ -]?\d{2}[ -]?\d{4})(?!\d)",
    re.IGNORECASE,
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_VERSION = re.compile(r"(?:\bv|version|release|build)\s?$", re.IGNORECASE)

_PHONE = re.compile(
    r"(?<!\w)(?<!\d[.,:/#-])(?:\+|\()?\d[\d ().\-/]{5,24}\d(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w]|[.,:-]\d)",
    re.IGNORECASE,
)
_PHONE_SHAPE = re.compile(
    r"(?:\+?1[-. ]|001[-. ])?(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-. ]\d{4}|"  # North America
    r"(?:\+|00)[1-9][\d ().\-/]{7,20}|"  # international
    r"\(0?\d{2,5}\) ?\d{2,5}[ -]?\d{2,6}|"  # an area code in brackets
    r"0[1-9]\d{0,3}[ /-]\d{2,4}(?:[ -]?\d{2,4}){1,4}|0\d(?:[ .]\d\d){4}"  # national, with a leading zero
)
_PHONE_WORD = re.compile(
    r"\b(?:phone|telephone|tel|mobile|mob|cell|fax|call|calling|ring|dial|whatsapp|sms|text|hotline|reach|contact|"
    r"answer(?:ing)?|my (?:new )?number|telefon|handy|mobil|telefoon|t[eé]l[eé]phone|num[eé]ro|nummer)\b[^\n]{0,40}$",
    re.IGNORECASE,
)
_PHONE_LABEL = re.compile(r"[ -]{0,2}\(?(?:office|fax|mobile|home|cell|work|direct|phone)\b", re.IGNORECASE)
_DATE = re.compile(r"\(?(?:\d{4}([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./ ])\d{1,2}\2\d{4})\b")

_KNOWN_SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[srp]k[-_](?:live|test|proj|ant|or)[-_][\w-]{8,256}|sk-[A-Za-z0-9_-]{16,256}|"
    r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|glpat-[\w-]{16,64}|"
    r"xox[abeoprs]-[A-Za-z0-9-]{8,255}|hf_[A-Za-z0-9]{20,64}|npm_[A-Za-z0-9]{30,64}|pypi-[\w-]{16,255}|"
    r"(?:AKIA|ASIA|AROA)[A-Z0-9]{12,20}|AIza[\w-]{30,40}|ya29\.[\w-]{20,255}|SG\.[\w-]{16,64}\.[\w-]{16,64}|"
    r"eyJ[\w-]{8,2048}\.[\w-]{8,4096}(?:\.[\w-]{4,2048})?"
    r")"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,16384}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"
)
_NAMED_SECRET = re.compile(
    r"\b(?:api[ _-]?key|access[ _-]?(?:key|token)|auth[ _-]?token|bearer|client[ _-]?secret|secret(?:[ _-]?key)?|token|"
    r"passw(?:or)?d|passphrase|passcode|pwd|kennwort|passwort|mot de passe)"
    r"(?:\s{0,3}(?:[:=]|\bis\b|\bist\b)\s{0,3}|\s)[\"'`]?((?=[^\s\"'`]{0,64}[\d!#$%&*@_^~+=-])[^\s\"'`,;<>]{6,256})",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<![\w/+.-])[A-Za-z0-9_+/-]{20,512}={0,2}(?![\w/+-])")
_HEX = re.compile(r"(?<![\w-])[0-9a-fA-F]{32,128}(?![\w-])")


@pii_recognisers.add("EMAIL_ADDRESS")
def email_addresses(text: str) -> Iterator[Found]:
    """Addresses, also those spelt `name [at] domain [dot] org`."""
    if "@" in text:
        yield from _all(_EMAIL, text, 1.0)
    if _SPELT_AT.search(text):
        yield from _all(_SPELT_EMAIL, text, 0.9)


@pii_recognisers.add("URL")
def urls(text: str) -> Iterator[Found]:
    """Web and file addresses, without the full stop of the sentence."""
    if "://" not in text and "www." not in text.lower():
        return
    for match in _URL.finditer(text):
        yield Found(match.start(), match.start() + len(match[0].rstrip(".,;:!?)")), 0.8)


@pii_recognisers.add("IBAN_CODE")
def ibans(text: str) -> Iterator[Found]:
    """Bank accounts with the length of their country and right check digits, in groups or not."""
    for match in _IBAN_START.finditer(text):
        length = iban_length(text[match.start() : match.start() + 2].upper())
        end = _end_of(text, match.start(), length) if length else None
        if end is not None and passes_mod_97(re.sub("[ -]", "", text[match.start() : end]).upper()):
            yield Found(match.start(), end, 1.0)


@pii_recognisers.add("CREDIT_CARD")
def credit_cards(text: str) -> Iterator[Found]:
    """Runs of digits with an issuer's first digits and length that pass the Luhn check."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _ISSUED.fullmatch(digits) and passes_luhn(digits):
            yield Found(match.start(), match.end(), 1.0)


@pii_recognisers.add("US_SSN")
def us_social_security_numbers(text: str) -> Iterator[Found]:
    """Numbers 3-2-4 in the ranges in use; without hyphens only after the words."""
    if not _NINE_DIGITS.search(text):
        return
    yield from _all(_SSN, text, 0.9)
    yield from (Found(match.start(1), match.end(1), 0.9) for match in _BARE_SSN.finditer(text))


@pii_recognisers.add("IP_ADDRESS")
def ip_addresses(text: str) -> Iterator[Found]:
    """IPv4 and IPv6; four figures after `version` are none."""
    for mark, pattern in ((".", _IPV4), (":", _IPV6)):
        for match in pattern.finditer(text) if text.count(mark) > 1 else ():
            if _is_ip(match[0]) and not _VERSION.search(text, max(0, match.start() - 10), match.start()):
                yield Found(match.start(), match.end(), 0.95)


@pii_recognisers.add("PHONE_NUMBER")
def phone_numbers(text: str) -> Iterator[Found]:
    """Numbers in a shape that only phones have, and others where the words before say so."""
    for match in _PHONE.finditer(text):
        number = match[0].rstrip()
        digits = sum(char.isdigit() for char in re.split("[xX]|ext", number)[0])
        if not 7 <= digits <= 15 or _DATE.match(number):
            continue
        if _PHONE_SHAPE.match(number):
            yield Found(match.start(), match.start() + len(number), 0.7)
        elif _PHONE_LABEL.match(text, match.end()) or _PHONE_WORD.search(
            text[max(0, match.start() - 60) : match.start()]
        ):
            yield Found(match.start(), match.start() + len(number), 0.6)


@pii_recognisers.add("SECRET")
def secrets(text: str) -> Iterator[Found]:
    """Keys in well-known formats, private keys, what follows `password is`, and tokens too mixed to be words."""
    yield from _all(_KNOWN_SECRET, text, 1.0)
    if "PRIVATE KEY" in text:
        yield from _all(_PRIVATE_KEY, text, 1.0)
    yield from (Found(match.start(1), match.end(1), 0.75) for match in _NAMED_SECRET.finditer(text))
    yield from _all(_HEX, text, 0.65)
    for match in _TOKEN.finditer(text):
        if _looks_random(match[0]):
            yield Found(match.start(), match.end(), 0.65)


def _all(pattern: re.Pattern[str], text: str, score: float) -> Iterator[Found]:
    return (Found(match.start(), match.end(), score) for match in pattern.finditer(text))


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


def _is_ip(text: str) -> bool:
    if ":" in text and sum(char.isalnum() for char in text) < 3:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _looks_random(token: str) -> bool:
    """Whether a long token mixes cases and digits as no word, path or number does."""
    kinds = (any(map(test, token)) for test in (str.islower, str.isupper, str.isdigit))
    if not all(kinds) or token.count("/") > 2:
        return False
    shares = [count / len(token) for count in Counter(token).values()]
    return -sum(share * math.log2(share) for share in shares) >= 3.7
