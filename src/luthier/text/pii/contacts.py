"""How people are reached: e-mail, web and network addresses, phone numbers, and the days they were born."""

import ipaddress
import re
from collections.abc import Iterator

from luthier.text.pii.spans import DIGITS, Found, every, raised, recogniser

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])")
_AT = re.compile(r"[\w.+%'-]@(?=[\w-])")
_LONGEST_DOMAIN = 640
_SPELT_AT = re.compile(r"[\[({]\s?at\s?[\])}]", re.IGNORECASE)
_SPELT_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}\s?[\[({]\s?at\s?[\])}]\s?[\w-]{1,63}"
    r"(?:(?:\.|\s?[\[({]\s?dot\s?[\])}]\s?)[\w-]{1,63}){1,5}",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:(?:https?|ftp)://|(?<![\w.@/])www\.)[^\s<>\"'`{}|\\^\[\]]{2,2048}", re.IGNORECASE)
_CLOSERS = ".,;:!?)"
_TOP_LEVEL = (
    "com|net|org|edu|gov|mil|int|info|biz|io|ai|app|dev|co|eu|uk|de|fr|nl|ch|se|dk|fi|cz|hu|ru|jp|cn|br|au|ca|nz|us|tv|"
    "xyz|online|site|shop|store|cloud|tech"
)
_SITE_END = re.compile(rf"\.(?:{_TOP_LEVEL})(?![\w@-]|\.\w)(?:[/?#][^\s<>\"'`{{}}|\\^\[\]]{{0,2048}})?", re.IGNORECASE)
_SITE_START = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){0,3}[a-z0-9][a-z0-9-]{0,62}\Z", re.IGNORECASE
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

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAY = re.compile(
    rf"(?<![\w./-])(?:\d{{4}}[-./]\d{{1,2}}[-./]\d{{1,2}}(?:T[\d:.]{{5,15}}(?:Z|[+-]\d\d:?\d\d)?)?|"
    rf"\d{{1,2}}([-./])\d{{1,2}}\1(?:\d{{4}}|\d\d)|\d{{1,2}}[- .]{{1,2}}{_MONTH}(?:[- ,.]{{1,2}}(?:\d{{4}}|\d\d))?|"
    rf"{_MONTH}[- ]\d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|"
    rf"{_MONTH}[- ](?:\d{{4}}|\d\d)|\d{{1,2}}/(?:\d{{4}}|\d\d))"
    r"(?:,? \d{1,2}:\d\d(?::\d\d)?(?: ?[ap]m)?)?(?![\w/]|[.-]\d)",
    re.IGNORECASE,
)
_BIRTH = (
    "birth|born|dob|d\\.o\\.b|geboren|geburt|nacid|nacimiento|naissance|nascita|narozen|syntynyt|"
    "[fF]\u00f8dt|[fF]\u00f6dd"
)
_BORN = re.compile(rf"(?:{_BIRTH})", re.IGNORECASE)


@recogniser("EMAIL_ADDRESS", r"@|[\[({][\s\x1c-\x1f]?[aA][tT][\s\x1c-\x1f]?[\])}]")
def email_addresses(text: str) -> Iterator[Found]:
    """Addresses, also those spelt `name [at] domain [dot] org`."""
    after = 0
    for sign in _AT.finditer(text):
        place = sign.end() - 1
        match = _EMAIL.search(text, max(after, place - 64), place + _LONGEST_DOMAIN) if place >= after else None
        if match and match.start() < place:
            yield Found(match.start(), match.end(), 1.0)
            after = match.end()
    if _SPELT_AT.search(text):
        yield from every(_SPELT_EMAIL, text, 0.9)


@recogniser("URL", rf"(?i-u)://|www\.|[a-z0-9]\.(?:{_TOP_LEVEL})")
def urls(text: str) -> Iterator[Found]:
    """Web and file addresses, and bare names of sites, without the full stop of the sentence."""
    if "://" in text or "www." in text.lower():
        for match in _URL.finditer(text):
            yield Found(match.start(), match.start() + len(match[0].rstrip(_CLOSERS)), 0.8)
    for match in _SITE_END.finditer(text):
        first = max(0, match.start() - 128)
        if site := _SITE_START.search(text[first : match.start()]):
            yield Found(first + site.start(), match.start() + len(match[0].rstrip(_CLOSERS)), 0.5)


@recogniser("IP_ADDRESS", r"(?-u)[0-9]\.[0-9]{1,3}\.[0-9]|:[0-9a-fA-F]{0,4}:")
def ip_addresses(text: str) -> Iterator[Found]:
    """IPv4 and IPv6; four figures after `version` are none."""
    for mark, pattern in ((".", _IPV4), (":", _IPV6)):
        for match in pattern.finditer(text) if text.count(mark) > 1 else ():
            if _is_ip(match[0]) and not _VERSION.search(text, max(0, match.start() - 10), match.start()):
                yield Found(match.start(), match.end(), 0.95)


@recogniser("PHONE_NUMBER", DIGITS, r"(?-u)[0-9][0-9 ().\-/]{5,24}[0-9]")
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


@recogniser("DATE_TIME", "[0-9]", f"(?i-u){_BIRTH}")
def dates(text: str) -> Iterator[Found]:
    """Days; they count as personal where the words before say that somebody was born then."""
    for match in _DAY.finditer(text):
        born = _BORN.search(text, max(0, match.start() - 48), match.start())
        yield Found(match.start(), match.end(), raised(0.3) if born else 0.3)


def _is_ip(text: str) -> bool:
    if ":" in text and sum(char.isalnum() for char in text) < 3:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
