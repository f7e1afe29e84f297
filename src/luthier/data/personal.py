"""Personal data out of every part of a row that people or models will see."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from luthier.data.config import PiiConfig
from luthier.data.types import Dropped
from luthier.domain.examples import Example, Message
from luthier.domain.value import Value
from luthier.text.pii import Action, Names, clear, take_out
from luthier.text.pii.batch import find_pii_batch
from luthier.text.pii.ner import names_of

_ROWS_AT_ONCE = 2_000


class Unnamed(Value):
    """Rows after the PII step, and how many spans of each entity they held."""

    rows: tuple[Example, ...]
    found: Mapping[str, int]


def take_out_personal_data(rows: Iterable[Example], config: PiiConfig, salt: str, *, key: str | None = None) -> Unnamed:
    """Rows whose texts and tags hold no personal data that can be found; all of it stays where the action is `off`.

    Names and places are looked for in the messages, not in tags, which hold single words. Ids, subjects and groups keep
    telling rows apart: what is found in them is hashed, whatever the action.
    """
    if config.action == "off":
        return Unnamed(rows=tuple(rows), found={})
    found: Counter[str] = Counter()
    names = names_of(config.ner)
    waiting = iter(rows)
    cleared: list[Example] = []
    while batch := list(islice(waiting, _ROWS_AT_ONCE)):
        cleared += _cleared(batch, config.action, salt=salt, key=key, names=names, found=found)
    return Unnamed(rows=tuple(cleared), found=dict(sorted(found.items())))


def hide_ids(dropped: Iterable[Dropped], config: PiiConfig, salt: str) -> tuple[Dropped, ...]:
    """Rows that were dropped before this step, with personal data in their ids hashed as it is in rows that stay."""
    if config.action == "off":
        return tuple(dropped)
    return tuple(row.model_copy(update={"id": take_out(row.id, "hash", salt).text}) for row in dropped)


def _cleared(
    rows: Sequence[Example], action: Action, *, salt: str, key: str | None, names: Names | None, found: Counter[str]
) -> Iterator[Example]:
    """The rows after the step; texts that repeat, as tags do, are searched once."""
    contents = _after([m.content for row in rows for m in row.messages], action, salt, key, names)
    tags = _after([value for row in rows for value in row.strata.values()], action, salt, key, None)
    marks = _after(
        [mark for row in rows for mark in (row.id, row.subject, row.group) if mark], "hash", salt, None, None
    )

    def out(text: str, of: Mapping[str, tuple[str, Mapping[str, int]]]) -> str:
        found.update(of[text][1])
        return of[text][0]

    for row in rows:
        yield Example(
            id=out(row.id, marks),
            messages=tuple(Message(role=m.role, content=out(m.content, contents)) for m in row.messages),
            strata={tag: out(value, tags) for tag, value in row.strata.items()},
            source=row.source,
            lawful_basis=row.lawful_basis,
            subject=out(row.subject, marks) if row.subject else None,
            group=out(row.group, marks) if row.group else None,
        )


def _after(
    texts: Iterable[str], action: Action, salt: str, key: str | None, names: Names | None
) -> Mapping[str, tuple[str, Mapping[str, int]]]:
    """Each different text -> what stands in its place, and the spans that it held."""
    different = list(dict.fromkeys(texts))
    after: dict[str, tuple[str, Mapping[str, int]]] = {}
    for text, spans in zip(different, find_pii_batch(different, names=names), strict=True):
        cleared = clear(text, spans, action, salt, key=key, names=names)
        after[text] = (cleared.text, cleared.found)
    return after
