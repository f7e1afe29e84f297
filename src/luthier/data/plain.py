"""Words, numbers and calls in one form: what may differ between two ways to write the same is taken away."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

import orjson

from luthier.domain.value import Json
from luthier.text.normalise import fold, words
from luthier.text.rarity import has_figure
from luthier.text.tokens import POLITE

_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?")
_THANKS = re.compile(r"\bthank you(?: (?:so|very) much)?\b", re.IGNORECASE)
_DECIMAL = re.compile(r"(\d+)\.(\d*?)0*")


def call_of(answer: str) -> Json | None:
    """An answer that is a JSON object or list, in one form; None where it is neither."""
    if not answer.lstrip().startswith(("{", "[")):
        return None
    try:
        return plain_json(cast("Json", orjson.loads(answer)))
    except orjson.JSONDecodeError:
        return None


def plain_words(text: str) -> list[str]:
    """The words of `text` with figures and apostrophes in one form; polite words only where there is nothing else."""
    told = words(_THANKS.sub("thanks", text))
    found = told
    if not all(map(str.isalpha, told)):  # most texts hold neither figures nor apostrophes, and this is called for many
        found = [plain_figure(word) if has_figure(word) else word.replace("\u2019", "'") for word in told]
    return [word for word in found if word not in POLITE] or found


def plain_figure(word: str) -> str:
    """A number without marks between thousands and without zeros that say nothing: `1,200.50` is `1200.5`."""
    if _THOUSANDS.fullmatch(word):
        mark = "," if "," in word.partition(".")[0] else "."
        word = word.replace(mark, "").replace(",", ".")
    if not (match := _DECIMAL.fullmatch(word)):
        return word
    whole, rest = match.groups()
    return f"{whole}.{rest}" if rest else str(whole)


def plain_json(value: Json) -> Json:
    """JSON whose texts are folded and whose numbers are in one form, also those that stand in quotes."""
    if isinstance(value, Mapping):
        return {key: plain_json(part) for key, part in value.items()}
    if isinstance(value, str):
        return plain_figure(fold(value))
    if isinstance(value, Sequence):
        return [plain_json(part) for part in value]
    if isinstance(value, bool) or value is None:
        return value
    return plain_figure(repr(value))
