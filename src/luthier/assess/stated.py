"""Facts that a text states - dates, numbers, codes, names - and whether they contradict what was to be said.

The rule is narrow on purpose. A text contradicts its ideal where the ideal states a fact, the text does not, and the
text states another fact of the same kind that neither the ideal nor the question holds. Names are runs of two or more
capitalised words: one alone is a noun in some languages and the start of a sentence in all.
"""

import re
from typing import Literal, TypeAlias

from luthier.assess.targets import stands_in

FactSort: TypeAlias = Literal["date", "code", "number", "name"]

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_NTH = "(?:st|nd|rd|th)?"
_MONTH = rf"(?:{_MONTHS})[a-z]*\.?"
# In this order: what one pattern took is not read again by the next.
_PATTERNS: tuple[tuple[FactSort, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b"
            rf"|\b\d{{1,2}}{_NTH} {_MONTH}(?: \d{{4}})?\b|\b{_MONTH} \d{{1,2}}{_NTH}(?:, \d{{4}})?\b",
            re.I,
        ),
    ),
    ("code", re.compile(r"\b(?=[\w-]*[^\W\d_])(?=[\w-]*\d)[\w-]+\b")),
    ("number", re.compile(r"\d+(?:[.,]\d+)*")),
    ("name", re.compile(r"[A-Z][\w&'\u2019-]*(?: [A-Z][\w&'\u2019-]*)+")),
)


def facts_in(text: str) -> dict[FactSort, dict[str, str]]:
    """Sort of fact -> its plain form -> as it stands in the text; 1,500 and 1500 are one number."""
    found: dict[FactSort, dict[str, str]] = {}
    for sort, pattern in _PATTERNS:
        found[sort] = {_plain(sort, each.group()): each.group() for each in pattern.finditer(text)}
        text = pattern.sub(" | ", text)
    return found


def contradicted(text: str, ideal: str, asked: str) -> frozenset[str]:
    """Facts of the ideal, as they stand there, in whose place the text states others."""
    wanted, given, question = facts_in(ideal), facts_in(text), facts_in(asked)
    found = set[str]()
    for sort, facts in wanted.items():
        lacking = [raw for plain, raw in facts.items() if plain not in given[sort] and not stands_in(raw, text)]
        others = given[sort].keys() - facts.keys() - question[sort].keys()
        if others:
            found.update(lacking)
    return frozenset(found)


def _plain(sort: FactSort, raw: str) -> str:
    if sort == "number":
        digits = re.sub(r",(?=\d{3}(?:\D|$))", "", raw)
        return digits.rstrip("0").rstrip(".") if "." in digits else digits.lstrip("0") or "0"
    return " ".join(raw.casefold().split())
