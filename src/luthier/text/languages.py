"""The language of a text by its script and its commonest words; `unknown` rather than a guess."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

UNKNOWN = "unknown"
_LOOKED_AT = 2_000
"""Characters from the start that decide."""
_MIN_LETTERS = 8
_MIN_HITS = 3
_MIN_SHARE = 0.16
"""Share of a text's words that must be common words of its language; running text has 0.3 to 0.5."""
_MARGIN = 1.3

_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
}
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_IN_CYRILLIC = ("ru", "uk", "bg")
_RUSSIAN, _UKRAINIAN = frozenset("\u044b\u044d\u0451"), frozenset("\u0456\u0457\u0454\u0491")
"""Letters that one of the two has and the other has not; Bulgarian has none of them, Belarusian has of both."""


@cache
def _common() -> Mapping[str, frozenset[str]]:
    """Language -> its commonest words."""
    lines = files("luthier.text").joinpath("function_words.txt").read_text(encoding="utf-8").splitlines()
    return {code: frozenset(words) for code, *words in (line.split() for line in lines if not line.startswith("#"))}


def function_words(language: str) -> frozenset[str]:
    """The commonest words of a language, which tell nothing of what a text is about; none of one that is unknown."""
    return _common().get(language, frozenset())


def languages() -> tuple[str, ...]:
    """ISO 639-1 codes that `language_of` can give."""
    return (*_common(), *_SCRIPTS)


def language_of(text: str) -> str:
    """ISO 639-1 code of the language most of `text` is in, or `unknown`: too short, mixed, or none of those known."""
    start = text[:_LOOKED_AT]
    letters = sum(map(len, _WORD.findall(start)))
    if letters == 0:
        return UNKNOWN
    if not start.isascii() and (script := _by_script(start, letters)) is not None:
        return script
    return _by_words(start, letters)


def _by_script(text: str, letters: int) -> str | None:
    found = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    if found["ja"] and found["ja"] + found["zh"] > letters / 2:
        return "ja"
    name = max(found, key=lambda script: found[script])
    return name if found[name] > letters / 2 and found[name] >= 2 else None


def _by_words(text: str, letters: int) -> str:
    words = _WORD.findall(text.lower())
    is_cyrillic = len(_CYRILLIC.findall(text)) > letters / 2
    if is_cyrillic and (told := _by_cyrillic_letters(text.lower())) is not None:
        return told
    hits: Counter[str] = Counter()
    for language, common in _common().items():
        if (language in _IN_CYRILLIC) is is_cyrillic:
            hits[language] = sum(word in common for word in words)
    (first, most), (_, next_most) = hits.most_common(2)
    is_sure = most >= _MIN_HITS and most >= _MIN_SHARE * len(words) and most >= _MARGIN * next_most
    return first if is_sure and letters >= _MIN_LETTERS else UNKNOWN


def _by_cyrillic_letters(text: str) -> str | None:
    is_russian, is_ukrainian = not _RUSSIAN.isdisjoint(text), not _UKRAINIAN.isdisjoint(text)
    if is_russian and is_ukrainian:
        return UNKNOWN
    return "ru" if is_russian else "uk" if is_ukrainian else None
