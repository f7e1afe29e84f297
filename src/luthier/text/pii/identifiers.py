"""Numbers that states, banks and hospitals give to people: shape, check digits, and words that go before."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from luthier.text.pii import checksums as check
from luthier.text.pii.spans import DIGITS, LEAST_SCORE, Found, Recogniser, raised, recogniser

_WINDOW = 64
"""Characters before a number in which a word may say what it is."""

_CHECKED_AND_SAID = 0.85
"""The score of a number with right check digits after the word for it: surer than the shape of a phone number."""

_COMPACT = str.maketrans("", "", " -./")


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

    ignore_case: bool = False


def read_identifiers() -> list[Identifier]:
    """The table of `identifiers.yaml`."""
    rows = yaml.safe_load((Path(__file__).parent / "identifiers.yaml").read_text(encoding="utf-8"))
    checks = [getattr(check, row.pop("check")) if "check" in row else None for row in rows]
    return [Identifier(**row, passes=passes) for row, passes in zip(rows, checks, strict=True)]


def _recognise(kinds: list[Identifier]) -> Recogniser:
    flags = [re.IGNORECASE if kind.ignore_case else 0 for kind in kinds]
    shapes = [re.compile(rf"(?<![\w.-])(?:{k.shape})(?![\w]|-\d)", flag) for k, flag in zip(kinds, flags, strict=True)]
    contexts = [re.compile(rf"(?<![^\W_])(?:{kind.context})(?![^\W_])", re.IGNORECASE) for kind in kinds]

    def recognise(text: str) -> Iterator[Found]:
        for kind, shape, context in zip(kinds, shapes, contexts, strict=True):
            for match in shape.finditer(text):
                said = context.search(text, max(0, match.start() - _WINDOW), match.start())
                if kind.passes is None or kind.passes(_compact(kind, match[0])):
                    score = raised(kind.score) if said else kind.score
                    sure = max(score, _CHECKED_AND_SAID) if said and kind.passes else score
                    yield Found(match.start(), match.end(), sure)

    recognise.__doc__ = f"Numbers of the kind {kinds[0].entity}."
    return recognise


def _compact(kind: Identifier, number: str) -> str:
    if kind.entity in {"FI_PERSONAL_IDENTITY_CODE"} or kind.passes in {check.passes_base58, check.passes_bech32}:
        return number
    return number.translate(_COMPACT).upper().removeprefix("IT" if kind.entity == "IT_VAT_CODE" else "\0")


def _gate(kinds: list[Identifier]) -> tuple[str, ...]:
    """What a text must hold: digits, then the shape of one kind, and its word where each shape alone is too weak."""
    shapes = "|".join(_without_looking(kind.shape) for kind in kinds)
    insensitive = "(?i)" if any(kind.ignore_case for kind in kinds) else ""
    needs = (kinds[0].needs, insensitive + shapes.replace(r"\d", "[0-9]"))
    if any(kind.score >= LEAST_SCORE for kind in kinds):
        return needs
    return (*needs, "(?i)" + "|".join(dict.fromkeys(kind.context for kind in kinds)))


def _without_looking(shape: str) -> str:
    """A shape that an engine without look-ahead and back-references reads; it matches whatever the shape does."""
    return re.sub(r"\(\?![^)]*\)", "", shape).replace("(?P=mac)", "[:-]").replace("(?P<mac>", "(?:")


IDENTIFIERS = read_identifiers()
for _entity in dict.fromkeys(kind.entity for kind in IDENTIFIERS):
    _kinds = [kind for kind in IDENTIFIERS if kind.entity == _entity]
    recogniser(_entity, *_gate(_kinds))(_recognise(_kinds))
