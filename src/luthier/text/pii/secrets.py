"""Keys, tokens and passwords: known formats, what follows `password is`, and tokens too mixed to be words."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from luthier.text.pii.spans import Found, Gate, every, recogniser

_KNOWN_SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[srp]k[-_](?:live|test|proj|ant|or)[-_][\w-]{8,256}|sk-[A-Za-z0-9_-]{16,256}|"
    r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|glpat-[\w-]{16,64}|"
    r"xox[abeoprs]-[A-Za-z0-9-]{8,255}|hf_[A-Za-z0-9]{20,64}|npm_[A-Za-z0-9]{30,64}|pypi-[\w-]{16,255}|"
    r"(?:AKIA|ASIA|AROA)[A-Z0-9]{12,20}|AIza[\w-]{30,40}|ya29\.[\w-]{20,255}|SG\.[\w-]{16,64}\.[\w-]{16,64}|"
    r"eyJ[\w-]{8,512}\.[\w-]{8,4096}(?:\.[\w-]{4,2048})?"
    r")"
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z ]{0,30}PRIVATE KEY-----")
_KEY_LENGTH = 16_384
_NAMED = (
    r"api[ _-]?key|access[ _-]?(?:key|token)|auth[ _-]?token|bearer|client[ _-]?secret|secret(?:[ _-]?key)?|token|"
    r"passw(?:or)?d|passphrase|passcode|pwd|kennwort|passwort|mot de passe"
)
_NAMED_SECRET = re.compile(
    rf"\b(?:{_NAMED})"
    r"(?:\s{0,3}(?:[:=]|\bis\b|\bist\b)\s{0,3}|\s)[\"'`]?((?=[^\s\"'`]{0,64}[\d!#$%&*@_^~+=-])[^\s\"'`,;<>]{6,256})",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<![\w/+.-])[A-Za-z0-9_+/-]{20,512}={0,2}(?![\w/+-])")
_HEX = re.compile(r"(?<![\w-])(?=[a-fA-F]{0,128}[0-9])[0-9a-fA-F]{32,128}(?![\w-])")
_SIGNS = (
    "sk-", "sk_", "rk-", "rk_", "pk-", "pk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox",
    "hf_", "npm_", "pypi-", "AKIA", "ASIA", "AROA", "AIza", "ya29", "SG.", "eyJ", "PRIVATE KEY",
)  # fmt: skip
_STEMS = ("key", "token", "bearer", "secret", "pass", "pwd", "kennwort")
_LONG = re.compile(r"[A-Za-z0-9_+/-]{20}")
_SIGN = "|".join(map(re.escape, _SIGNS))
_SAID = (
    rf"(?i:{_NAMED})(?:[\s\x1c-\x1f]{{0,3}}(?:[:=]|is|ist)[\s\x1c-\x1f]{{0,3}}|[\s\x1c-\x1f])"
    r"[\"'`]?[^\s\"'`]*[0-9!#$%&*@^~+=_-]"
)


@recogniser(
    "SECRET",
    Gate((f"(?-u){_SIGN}",)),
    Gate((rf"(?i-u){'|'.join(_STEMS)}", _SAID)),
    Gate((r"(?-u)[A-Za-z0-9_+/-]{20}", r"(?-u)[0-9][A-Za-z0-9_+/-]{10}|[A-Za-z0-9_+/-]{10}[0-9]"), by_numbers=True),
)
def secrets(text: str) -> Iterator[Found]:
    """Keys in well-known formats, private keys, what follows `password is`, and tokens too mixed to be words."""
    if any(sign in text for sign in _SIGNS):
        yield from every(_KNOWN_SECRET, text, 1.0)
        yield from _private_keys(text)
    low = text.lower()
    if any(stem in low for stem in _STEMS):
        yield from (Found(match.start(1), match.end(1), 0.75) for match in _NAMED_SECRET.finditer(text))
    if _LONG.search(text):
        yield from every(_HEX, text, 0.65)
        yield from (Found(*match.span(), 0.65) for match in _TOKEN.finditer(text) if _looks_random(match[0]))


def _private_keys(text: str) -> Iterator[Found]:
    """Keys from their first line to their last one, or to where a key must have ended."""
    place = 0
    while match := _KEY_BEGINS.search(text, place):
        ends = _KEY_ENDS.search(text, match.end(), match.end() + _KEY_LENGTH)
        place = ends.end() if ends else min(len(text), match.end() + _KEY_LENGTH)
        yield Found(match.start(), place, 1.0)


def _looks_random(token: str) -> bool:
    """Whether a long token mixes cases and digits as no word, path or number does."""
    kinds = (any(map(test, token)) for test in (str.islower, str.isupper, str.isdigit))
    if not all(kinds) or token.count("/") > 2:
        return False
    shares = [count / len(token) for count in Counter(token).values()]
    return -sum(share * math.log2(share) for share in shares) >= 3.7
