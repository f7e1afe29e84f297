"""How people are reached: e-mail, web and network addresses, phone numbers, and the days they were born."""

import ipaddress
import re
from collections.abc import Iterator

from luthier.text.pii.spans import DIGITS, Found, Gate, every, matches, raised, recogniser

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])")
_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+%'-")
_LONGEST_LOCAL, _LONGEST_DOMAIN = 64, 640
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
_SITE = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){0,3}[a-z0-9][a-z0-9-]{0,62}\Z", re.IGNORECASE
)
_IN_SITES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-\u0130\u0131\u017f\u212a")
_LONGEST_SITE = 128
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_VERSION = re.compile(r"(?:\bv|version|release|build)\s?$", re.IGNORECASE)

_PHONE = re.compile(
    r"(?<!\w)(?<!\d[.:/#-])(?:\+|\()?\d[\d ().\-/]{5,24}\d(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w]|[.:-]\d)",
    re.IGNORECASE,
)
_EXTENSION, _SEPARATORS = re.compile("[xXeE]"), re.compile(r"[^\d]+")
_PHONE_START = re.compile(r"[+(\d][\d ().\-/]{6}")
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
_COMMA_BEFORE, _COMMA_AFTER = re.compile(r"\d,\Z"), re.compile(r",\d")
"""As in 1,000,000 or 3,14; in a table commas stand between cells, so that only weak numbers mind them."""

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


@recogniser("EMAIL_ADDRESS", Gate((r"@|[\[({][\s\x1c-\x1f]?[aA][tT][\s\x1c-\x1f]?[\])}]",)))
def email_addresses(text: str) -> Iterator[Found]:
    """Addresses, also those spelt `name [at] domain [dot] org`."""
    after = 0
    place = text.find("@", 1)
    while place > 0:
        start = _start_of_run(text, place, max(after, place - _LONGEST_LOCAL))
        if start < place and (match := _EMAIL.search(text, start, place + _LONGEST_DOMAIN)) and match.start() < place:
            yield Found(match.start(), match.end(), 1.0)
            after = match.end()
        place = text.find("@", max(place + 1, after))
    if _SPELT_AT.search(text):
        yield from every(_SPELT_EMAIL, text, 0.9)


def _start_of_run(text: str, end: int, least: int) -> int:
    """Where the characters of an address that end at `end` begin, letters of all scripts among them."""
    start = end
    while start > least and (text[start - 1] in _LOCAL or (text[start - 1] > "\x7f" and text[start - 1].isalnum())):
        start -= 1
    return start


@recogniser("URL", Gate((rf"(?i-u)://|www\.|\.(?:{_TOP_LEVEL})\b",)))
def urls(text: str) -> Iterator[Found]:
    """Web and file addresses, and bare names of sites, without the full stop of the sentence."""
    if "://" in text or "www." in text.lower():
        for match in _URL.finditer(text):
            yield Found(match.start(), match.start() + len(match[0].rstrip(_CLOSERS)), 0.8)
    for match in _SITE_END.finditer(text):
        start, least = match.start(), max(0, match.start() - _LONGEST_SITE)
        while start > least and text[start - 1] in _IN_SITES:
            start -= 1
        if _SITE.match(text, start, match.start()):
            yield Found(start, match.start() + len(match[0].rstrip(_CLOSERS)), 0.5)


@recogniser("IP_ADDRESS", Gate((r"(?-u)[0-9]\.[0-9]{1,3}\.[0-9]|:[0-9a-fA-F]{0,4}:",)))
def ip_addresses(text: str) -> Iterator[Found]:
    """IPv4 and IPv6; four figures after `version` are none."""
    for mark, pattern in ((".", _IPV4), (":", _IPV6)):
        for match in pattern.finditer(text) if text.count(mark) > 1 else ():
            if _is_ip(match[0]) and not _VERSION.search(text, max(0, match.start() - 10), match.start()):
                yield Found(match.start(), match.end(), 0.95)


@recogniser("PHONE_NUMBER", Gate((DIGITS, r"(?-u)[0-9](?:[ ().\-/]*[0-9]){6}"), by_numbers=True))
def phone_numbers(text: str) -> Iterator[Found]:
    """Numbers in a shape that only phones have, and others where the words before say so."""
    for match in matches(_PHONE, text, start=_PHONE_START):
        number = match[0].rstrip()
        if not 7 <= len(_SEPARATORS.sub("", _EXTENSION.split(number, 1)[0])) <= 15 or _DATE.match(number):
            continue
        if _PHONE_SHAPE.match(number):
            yield Found(match.start(), match.start() + len(number), 0.7)
        elif _is_said_to_be_a_phone(text, match.start(), match.end()):
            yield Found(match.start(), match.start() + len(number), 0.6)


def _is_said_to_be_a_phone(text: str, start: int, end: int) -> bool:
    """Whether a label stands after the number or a word before it, and no comma makes it a figure."""
    if _COMMA_AFTER.match(text, end) or _COMMA_BEFORE.search(text, max(0, start - 2), start):
        return False
    return bool(_PHONE_LABEL.match(text, end) or _PHONE_WORD.search(text[max(0, start - 60) : start]))


@recogniser("DATE_TIME", Gate(("[0-9]",), by_numbers=True, said=f"(?i-u){_BIRTH}"))
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
