"""Personal data out of every part of a row that people or models will see."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from luthier.data.config import PiiConfig
from luthier.data.types import Dropped
from luthier.domain.examples import Example, Message
from luthier.domain.value import Value
from luthier.text.pii import Action, take_out

_TAG_CHARACTERS = 60
_tag_cleared = lru_cache(maxsize=10_000)(take_out)
"""Tags repeat from row to row; reading each once halves the time of the step."""


class Unnamed(Value):
    """Rows after the PII step, and how many spans of each entity they held."""

    rows: tuple[Example, ...]
    found: Mapping[str, int]


def take_out_personal_data(rows: Iterable[Example], config: PiiConfig, salt: str) -> Unnamed:
    """Rows whose texts and tags hold no personal data that can be found; all of it stays where the action is `off`.

    Ids, subjects and groups keep telling rows apart: what is found in them is hashed, whatever the action.
    """
    if config.action == "off":
        return Unnamed(rows=tuple(rows), found={})
    found: Counter[str] = Counter()
    cleared = tuple(_cleared(row, config.action, salt, found) for row in rows)
    return Unnamed(rows=cleared, found=dict(sorted(found.items())))


def hide_ids(dropped: Iterable[Dropped], config: PiiConfig, salt: str) -> tuple[Dropped, ...]:
    """Rows that were dropped before this step, with personal data in their ids hashed as it is in rows that stay."""
    if config.action == "off":
        return tuple(dropped)
    return tuple(row.model_copy(update={"id": take_out(row.id, "hash", salt).text}) for row in dropped)


def _cleared(row: Example, action: Action, salt: str, found: Counter[str]) -> Example:
    def out(text: str, how: Action) -> str:
        cleared = _tag_cleared(text, how, salt) if len(text) < _TAG_CHARACTERS else take_out(text, how, salt)
        found.update(cleared.found)
        return cleared.text

    return Example(
        id=out(row.id, "hash"),
        messages=tuple(Message(role=m.role, content=out(m.content, action)) for m in row.messages),
        strata={tag: out(value, action) for tag, value in row.strata.items()},
        source=row.source,
        lawful_basis=row.lawful_basis,
        subject=out(row.subject, "hash") if row.subject else None,
        group=out(row.group, "hash") if row.group else None,
    )
