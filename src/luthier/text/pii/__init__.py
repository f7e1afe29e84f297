"""Finding personal data in text, and taking it out.

Found: e-mail addresses, phone numbers, IBANs, card numbers, US social security numbers, IP addresses, URLs, keys and
other secrets - also where invisible characters or look-alike letters split them. Not found: names, places, postal
addresses and dates of birth, which patterns cannot tell from other words; a plug-in can add them under
`luthier.pii_recogniser`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from luthier.domain.value import Json, Value
from luthier.text.normalise import visible
from luthier.text.pii.recognisers import pii_recognisers

Action = Literal["mask", "replace", "hash"]


class Span(Value):
    """One piece of personal data: characters `start` up to, not including, `end`."""

    start: int = Field(ge=0)
    end: int = Field(gt=0)
    entity: str
    score: float = Field(gt=0, le=1)


class Cleared(Value):
    """A text without its personal data, and how many spans of each entity it held."""

    text: str
    found: Mapping[str, int]


def find_pii(text: str) -> tuple[Span, ...]:
    """Every span, in order and without overlaps.

    Where recognisers overlap, the surer one names the whole stretch that they cover together, so no tail stays behind.
    """
    shown = visible(text)
    spans = [
        Span(start=start, end=end, entity=entity, score=score)
        for entity in pii_recognisers
        for start, end, score in pii_recognisers.get(entity)(shown.text)
    ]
    return tuple(
        span.model_copy(update=dict(zip(("start", "end"), shown.span_in_original(span.start, span.end), strict=True)))
        for span in _without_overlaps(spans)
    )


def mask(text: str, spans: Sequence[Span]) -> str:
    """`text` with `<ENTITY>` in place of each span."""
    return _written(text, spans, lambda _, entity: f"<{entity}>")


def take_out(text: str, action: Action, salt: str) -> Cleared:
    """`text` after `action` on every span; a text that was JSON stays JSON.

    `mask` writes `<EMAIL_ADDRESS>`, `hash` writes `<EMAIL_ADDRESS:1f3a5c7e9b2d>` with a salted digest, so that equal
    values stay equal, and `replace` writes a made-up value of the same kind, also equal for equal ones.
    """
    spans = find_pii(text)
    if not spans:
        return Cleared(text=text, found={})
    cleared = _written(text, spans, _WRITERS[action](salt))
    if _is_json_object(text) and not _is_json_object(cleared):
        cleared = json.dumps(_in_values(json.loads(text), action, salt), ensure_ascii=False)
    return Cleared(text=cleared, found={entity: sum(s.entity == entity for s in spans) for entity in _entities(spans)})


def salted(value: str, salt: str) -> str:
    """Twelve hex digits that are equal for equal values and tell nothing without the salt."""
    return hashlib.sha256(f"{salt}\0{value}".encode()).hexdigest()[:12]


Writer = Callable[[str, str], str]


def _masked(_: str) -> Writer:
    return lambda _value, entity: f"<{entity}>"


def _hashed(salt: str) -> Writer:
    return lambda value, entity: f"<{entity}:{salted(value, salt)}>"


def _replaced(salt: str) -> Writer:
    def write(value: str, entity: str) -> str:
        digest = salted(value, salt)
        made_up = _MADE_UP.get(entity)
        return made_up(digest, int(digest, 16)) if made_up else f"<{entity}:{digest}>"

    return write


_WRITERS: Mapping[Action, Callable[[str], Writer]] = {"mask": _masked, "hash": _hashed, "replace": _replaced}
_MADE_UP: Mapping[str, Callable[[str, int], str]] = {
    "EMAIL_ADDRESS": lambda digest, _: f"person.{digest}@example.com",
    "URL": lambda digest, _: f"https://example.com/{digest}",
    "PHONE_NUMBER": lambda _, number: f"+1 555 {number % 1_000:03d} {number // 1_000 % 10_000:04d}",
    "IP_ADDRESS": lambda _, number: f"2001:db8::{number % 65_536:x}:{number // 65_536 % 65_536:x}",
    "CREDIT_CARD": lambda _, number: f"0000 0000 {number % 10_000:04d} {number // 10_000 % 10_000:04d}",
    "US_SSN": lambda _, number: f"000-{number % 100:02d}-{number // 100 % 10_000:04d}",
    "IBAN_CODE": lambda digest, _: f"XX00 {digest[:4]} {digest[4:8]} {digest[8:]}".upper(),
}
"""Values in ranges that are reserved or never issued, so that none belongs to anybody."""


def _without_overlaps(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if merged and span.start < merged[-1].end:
            last = merged.pop()
            surer = max(last, span, key=lambda one: (one.score, one.end - one.start))
            span = surer.model_copy(update={"start": last.start, "end": max(last.end, span.end)})  # noqa: PLW2901
        merged.append(span)
    return merged


def _written(text: str, spans: Sequence[Span], write: Writer) -> str:
    pieces, place = [], 0
    for span in spans:
        pieces += [text[place : span.start], write(visible(text[span.start : span.end]).text, span.entity)]
        place = span.end
    return "".join([*pieces, text[place:]])


def _entities(spans: Sequence[Span]) -> list[str]:
    return sorted({span.entity for span in spans})


def _is_json_object(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _in_values(value: Json, action: Action, salt: str) -> Json:
    """The same JSON with personal data taken out of its keys, strings and numbers."""
    if isinstance(value, dict):
        return {take_out(k, action, salt).text: _in_values(v, action, salt) for k, v in value.items()}
    if isinstance(value, list):
        return [_in_values(item, action, salt) for item in value]
    if isinstance(value, str):
        return take_out(value, action, salt).text
    if isinstance(value, int | float) and not isinstance(value, bool):
        cleared = take_out(str(value), action, salt)
        return cleared.text if cleared.found else value
    return value
