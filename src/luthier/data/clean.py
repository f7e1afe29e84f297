"""Rows without noise: text in one form, and rows that teach nothing left out with their reason."""

import re
import unicodedata
from collections.abc import Iterable

from luthier.data.types import Dropped
from luthier.domain.examples import Example, Message
from luthier.domain.value import Value
from luthier.text.normalise import fold

MAX_CHARACTERS = 200_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Cleaned(Value):
    """Rows that stay and rows that do not; together all that came in."""

    kept: tuple[Example, ...]
    dropped: tuple[Dropped, ...]


def clean(rows: Iterable[Example]) -> Cleaned:
    """Every row with tidy text; empty, garbled, echoing and oversized rows are left out."""
    kept: list[Example] = []
    dropped: list[Dropped] = []
    for row in rows:
        tidied = row.model_copy(update={"messages": tuple(_tidy(message) for message in row.messages)})
        reason = _why_not(tidied)
        if reason:
            dropped.append(Dropped(id=row.id, reason=reason))
        else:
            kept.append(tidied)
    return Cleaned(kept=tuple(kept), dropped=tuple(dropped))


def _tidy(message: Message) -> Message:
    text = unicodedata.normalize("NFC", message.content.replace("\r\n", "\n").replace("\r", "\n"))
    return Message(role=message.role, content=_CONTROL.sub("", text).strip())


def _why_not(row: Example) -> str | None:
    if not fold(row.asked):
        return "empty_question"
    if not fold(row.ideal):
        return "empty_answer"
    if sum(len(message.content) for message in row.messages) > MAX_CHARACTERS:
        return "too_long"
    if any("\ufffd" in message.content for message in row.messages):
        return "garbled"
    if len(row.ideal) > 20 and fold(row.asked) == fold(row.ideal):
        return "echo"
    return None
