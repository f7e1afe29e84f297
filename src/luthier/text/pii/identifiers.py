"""Numbers that states, banks and hospitals give to people: shape, check digits, and words that go before."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from luthier.text.pii import checksums as check
from luthier.text.pii.spans import DIGITS, LEAST_SCORE, Found, Gate, Recogniser, raised, recogniser

_WINDOW = 64
"""Characters before a number in which a word may say what it is."""

_CHECKED_AND_SAID = 0.85
"""The score of a number with right check digits after the word for it: surer than the shape of a phone number."""

_COMPACT = str.maketrans("", "", " -./")


_WHOLE = {check.passes_finnish, check.passes_base58, check.passes_bech32}
"""Checks in which signs and small letters count too."""


class Identifier(NamedTuple):
    """One kind of number."""

    entity: str
    shape: str
    score: float
    context: str
    passes: Callable[[str], bool] | None = None
    """Takes the number without spaces, hyphens, points and slashes, in capitals."""

    needs: str = DIGITS
    """What is looked for first, in every text."""

    anywhere: bool = False
    """Whether it can do without a digit of ours, so that it is looked for in whole texts."""

    start: str | None = None
    """What every number of the entity begins with, if that is sooner found than the shapes."""

    ignore_case: bool = False


def read_identifiers() -> list[Identifier]:
    """The table of `identifiers.yaml`."""
    rows = yaml.safe_load((Path(__file__).parent / "identifiers.yaml").read_text(encoding="utf-8"))
    checks = [getattr(check, row.pop("check")) if "check" in row else None for row in rows]
    return [Identifier(**row, passes=passes) for row, passes in zip(rows, checks, strict=True)]


class _Kind(NamedTuple):
    """What an identifier is recognised with."""

    kind: Identifier
    shape: re.Pattern[str]
    context: re.Pattern[str]

    @classmethod
    def of(cls, kind: Identifier) -> "_Kind":
        shape = re.compile(rf"(?<![\w.-])(?:{kind.shape})(?![\w]|-\d)", re.IGNORECASE if kind.ignore_case else 0)
        return cls(kind, shape, re.compile(rf"(?<![^\W_])(?:{kind.context})(?![^\W_])", re.IGNORECASE))

    def found(self, match: re.Match[str]) -> Found | None:
        """The number of a match, surer where a word before says what it is; None where its check digits are wrong."""
        if self.kind.passes is not None and not self.kind.passes(_compact(self.kind, match[0])):
            return None
        said = self.context.search(match.string, max(0, match.start() - _WINDOW), match.start())
        score = raised(self.kind.score) if said else self.kind.score
        sure = max(score, _CHECKED_AND_SAID) if said and self.kind.passes else score
        return Found(match.start(), match.end(), sure)


def _recognise(identifiers: list[Identifier]) -> Recogniser:
    kinds = [_Kind.of(kind) for kind in identifiers]
    insensitive = re.IGNORECASE if any(kind.ignore_case for kind in identifiers) else 0
    shapes = (_without_looking(kind.shape) for kind in identifiers)
    start = re.compile(identifiers[0].start or "|".join(shapes), insensitive)

    def recognise(text: str) -> Iterator[Found]:
        ends = [0] * len(kinds)
        sign = start.search(text)
        while sign:
            place = sign.start()
            for n, kind in enumerate(kinds):
                if place >= ends[n] and (match := kind.shape.match(text, place)):
                    ends[n] = match.end()
                    if found := kind.found(match):
                        yield found
            sign = start.search(text, place + 1)

    recognise.__doc__ = f"Numbers of the kind {identifiers[0].entity}."
    return recognise


def _compact(kind: Identifier, number: str) -> str:
    if kind.passes in _WHOLE:
        return number
    return number.translate(_COMPACT).upper().removeprefix("IT" if kind.entity == "IT_VAT_CODE" else "\0")


def _gate(kinds: list[Identifier]) -> Gate:
    """What a text must hold: digits, then the shape of one kind, and its word where each shape alone is too weak."""
    shapes = "|".join(_without_looking(kind.shape) for kind in kinds)
    insensitive = "(?i)" if any(kind.ignore_case for kind in kinds) else ""
    needs = (kinds[0].needs, insensitive + shapes.replace(r"\d", "[0-9]"))
    words = "(?i)" + "|".join(dict.fromkeys(kind.context for kind in kinds))
    is_weak = all(kind.score < LEAST_SCORE for kind in kinds)
    return Gate(needs, by_numbers=not any(kind.anywhere for kind in kinds), said=words if is_weak else None)


def _without_looking(shape: str) -> str:
    """A shape that an engine without look-ahead and back-references reads; it matches whatever the shape does."""
    return re.sub(r"\(\?![^)]*\)", "", shape).replace("(?P=mac)", "[:-]").replace("(?P<mac>", "(?:")


IDENTIFIERS = read_identifiers()
for _entity in dict.fromkeys(kind.entity for kind in IDENTIFIERS):
    _kinds = [kind for kind in IDENTIFIERS if kind.entity == _entity]
    recogniser(_entity, _gate(_kinds))(_recognise(_kinds))
