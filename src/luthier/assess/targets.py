"""What a target holds: the call it is, its values, and whether a text holds one of them."""

import re

import orjson

from luthier.domain.calls import Call
from luthier.domain.value import Json

_WITH_DIGIT = re.compile(r"[\w-]*\d[\w-]*")


def call_of(text: str) -> Call | None:
    """The call a target is, whatever tools are known today."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("arguments"), dict):
        return Call(name=value["name"], arguments=value["arguments"])
    return Call(name="", arguments=value) if isinstance(value, dict) else None


def values_of(target: str) -> list[str]:
    """The values of a JSON target, or of other text the words with a digit in them."""
    call = call_of(target)
    return list(leaves(dict(call.arguments)).values()) if call else _WITH_DIGIT.findall(target)


def leaves(value: Json, path: str = "") -> dict[str, str]:
    """Every scalar of a JSON value as text, by its path."""
    if isinstance(value, dict):
        return {key: leaf for name, part in value.items() for key, leaf in leaves(part, f"{path}/{name}").items()}
    if isinstance(value, list):
        return {key: leaf for i, part in enumerate(value) for key, leaf in leaves(part, f"{path}/{i}").items()}
    return {path: value if isinstance(value, str) else orjson.dumps(value).decode()}


def stands_in(value: str, text: str) -> bool:
    """Whether the text holds the value as a whole, not within a longer word or number."""
    wanted, given = value.casefold(), text.casefold()
    start = given.find(wanted)
    while start >= 0 and wanted:
        end = start + len(wanted)
        if not _is_word(given[max(0, start - 1) : start]) and not _is_word(given[end : end + 1]):
            return True
        start = given.find(wanted, start + 1)
    return False


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
