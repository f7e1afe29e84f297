"""What takes the place of personal data: a label, a digest, a made-up value, or the value under lock and key."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal

from luthier.domain.value import Json, Value
from luthier.errors import MissingInput, UserError
from luthier.text.normalise import visible
from luthier.text.pii.find import Names, find_pii
from luthier.text.pii.made_up import made_up
from luthier.text.pii.spans import Span

Action = Literal["mask", "replace", "hash", "encrypt"]
Writer = Callable[[str, str], str]
_LOCKED = re.compile(r"<([A-Z_]+):locked:([A-Za-z0-9_-]+=*)>")


class Cleared(Value):
    """A text without its personal data, and how many spans of each entity it held."""

    text: str
    found: Mapping[str, int]


def mask(text: str, spans: Sequence[Span]) -> str:
    """`text` with `<ENTITY>` in place of each span."""
    return _written(text, spans, _masked)


def take_out(
    text: str,
    action: Action,
    salt: str,
    *,
    key: str | None = None,
    names: Names | None = None,
    alone: Collection[str] = (),
) -> Cleared:
    """`text` after `action` on every span; a text that was JSON stays JSON.

    `mask` writes `<EMAIL_ADDRESS>`, `hash` writes `<EMAIL_ADDRESS:1f3a5c7e9b2d>` with a salted digest, so that equal
    values stay equal, `replace` writes a made-up value of the same kind, also equal for equal ones, and `encrypt`
    writes `<EMAIL_ADDRESS:locked:...>`, which `unlock` turns back with the same `key`.
    """
    return clear(text, find_pii(text, names=names, alone=alone), action, salt, key=key, names=names, alone=alone)


def clear(
    text: str,
    spans: Sequence[Span],
    action: Action,
    salt: str,
    *,
    key: str | None = None,
    names: Names | None = None,
    alone: Collection[str] = (),
) -> Cleared:
    """`text` after `action` on `spans`, which `find_pii` or its batch found in it with the same `names` and `alone`."""
    if not spans:
        return Cleared(text=text, found={})
    cleared = _written(text, spans, writer(action, salt, key))
    if _is_json_object(text) and not _is_json_object(cleared):

        def out(inner: str) -> Cleared:
            return take_out(inner, action, salt, key=key, names=names, alone=alone)

        cleared = json.dumps(_in_values(json.loads(text), out), ensure_ascii=False)
    return Cleared(text=cleared, found={entity: sum(s.entity == entity for s in spans) for entity in _entities(spans)})


def unlock(text: str, key: str) -> str:
    """`text` with what `encrypt` locked in its place again; the wrong key is refused."""
    return _LOCKED.sub(lambda match: _unlocked(match[1], match[2], key), text)


def salted(value: str, salt: str) -> str:
    """Twelve hex digits that are equal for equal values and tell nothing without the salt."""
    return hashlib.sha256(f"{salt}\0{value}".encode()).hexdigest()[:12]


def writer(action: Action, salt: str, key: str | None) -> Writer:
    """What writes the stand-in of a value of an entity."""
    if action == "mask":
        return _masked
    if action == "hash":
        return lambda value, entity: f"<{entity}:{salted(value, salt)}>"
    if action == "replace":
        return lambda value, entity: made_up(entity, salted(value, salt)) or f"<{entity}:{salted(value, salt)}>"
    if key is None:
        raise MissingInput("`encrypt` has no key", hint="set `data.pii.key` to the name of an environment variable")
    return lambda value, entity: f"<{entity}:locked:{_locked(value, entity, key)}>"


def _masked(_: str, entity: str) -> str:
    return f"<{entity}>"


def _locked(value: str, entity: str, key: str) -> str:
    """The value under AES-SIV (RFC 5297), which gives equal values equal bytes; the entity is bound to it."""
    sealed = _cipher(key).encrypt(value.encode(), [entity.encode()])
    return base64.urlsafe_b64encode(sealed).decode()


def _unlocked(entity: str, sealed: str, key: str) -> str:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only who locks needs it

    try:
        return bytes(_cipher(key).decrypt(base64.urlsafe_b64decode(sealed), [entity.encode()])).decode()
    except (InvalidTag, ValueError) as fault:
        raise UserError(
            f"a locked {entity} cannot be opened", hint="is it the key under which it was locked?"
        ) from fault


def _cipher(key: str):  # type: ignore[no-untyped-def] # its class is imported when needed
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415 - only who locks needs it

    return AESSIV(hashlib.sha512(key.encode()).digest())


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


def _in_values(value: Json, out: Callable[[str], Cleared]) -> Json:
    """The same JSON with personal data taken out of its keys, strings and numbers."""
    if isinstance(value, dict):
        return {out(k).text: _in_values(v, out) for k, v in value.items()}
    if isinstance(value, list):
        return [_in_values(item, out) for item in value]
    if isinstance(value, str):
        return out(value).text
    if isinstance(value, int | float) and not isinstance(value, bool):
        cleared = out(str(value))
        return cleared.text if cleared.found else value
    return value
