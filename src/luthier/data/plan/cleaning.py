"""Batches cleaned and cleared of personal data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import pyarrow as pa

from luthier.data.clean import CleanedBatch, turns_of
from luthier.data.config import PiiConfig
from luthier.data.plan.consent import keys_of
from luthier.data.rows import MESSAGE, SCHEMA
from luthier.text.languages import language_of
from luthier.text.pii import Action, Names, clear
from luthier.text.pii.batch import find_pii_batch
from luthier.text.pii.ner import names_of

_KEYS = ("id", "group")
"""What tells rows apart: personal data in it is hashed, whatever the action."""


@dataclass(frozen=True)
class Taking:
    """How personal data is taken out of a column."""

    action: Action
    salt: str
    key: str | None
    names: Names | None
    alone: tuple[str, ...]


def reasons_of(batch: pa.RecordBatch, cleaned: CleanedBatch) -> list[str | None]:
    """Why each row of a batch was left out; None where it stays."""
    kept = zip(cleaned.kept["id"].to_pylist(), cleaned.kept["line"].to_pylist(), strict=True)
    left, next_kept = iter(cleaned.dropped), next(kept, None)
    reasons: list[str | None] = []
    for row in zip(batch["id"].to_pylist(), batch["line"].to_pylist(), strict=True):
        if row == next_kept:
            reasons.append(None)
            next_kept = next(kept, None)
        else:
            reasons.append(next(left).reason)
    return reasons


def cleared(
    batch: pa.RecordBatch, config: PiiConfig, salt: str, *, key: str | None = None
) -> tuple[pa.RecordBatch, Counter[str]]:
    """A batch of `rows.SCHEMA` whose texts and tags hold no personal data that can be found; and what was found.

    All of it stays where the action is `off`. Names are looked for in what was said, not in tags, which hold words.
    Of a subject nothing but its salted key is kept, whatever the action.
    """
    found: Counter[str] = Counter()
    subjects = keys_of(batch["subject"], salt)
    if config.action == "off":
        return batch.set_column(SCHEMA.get_field_index("subject"), SCHEMA.field("subject"), subjects), found
    said = Taking(config.action, salt, key, _names(config.ner), config.alone)
    tags, keys = replace(said, names=None), Taking("hash", salt, None, None, config.alone)
    columns: dict[str, pa.Array] = {"subject": subjects}
    columns |= {name: _cleared(batch[name], keys, found) for name in _KEYS}
    columns["tools"] = _cleared(batch["tools"], tags, found)
    columns["rejected"] = _cleared(batch["rejected"], said, found)
    columns["messages"] = _messages(batch["messages"], said, found)
    strata = batch["strata"]
    values = _cleared(strata.items, tags, found)
    columns["strata"] = pa.MapArray.from_arrays(strata.offsets, strata.keys, values)
    chosen = [columns.get(name, batch[name]) for name in SCHEMA.names]
    return pa.RecordBatch.from_arrays(chosen, schema=SCHEMA), found


def hidden(ids: Sequence[str], config: PiiConfig, salt: str) -> list[str]:
    """Ids with personal data hashed, as it is in the ids of rows that stay."""
    if config.action == "off":
        return list(ids)
    taking = Taking("hash", salt, None, None, config.alone)
    hashed: list[str] = _cleared(pa.array(ids, pa.string()), taking, Counter()).to_pylist()
    return hashed


def searched(batch: pa.RecordBatch, config: PiiConfig) -> Counter[str]:
    """What patterns still find in the messages; nothing is told where made-up values were put in."""
    if config.action == "replace":
        return Counter()
    texts = batch["messages"].flatten().field("content")
    return Counter(span.entity for spans in find_pii_batch(texts, alone=config.alone) for span in spans)


def languages_of(batch: pa.RecordBatch) -> Counter[str]:
    """How many of the rows are in which language, told by their beginnings."""
    return Counter(language_of("\n".join(text for _, text in turns)) for turns in turns_of(batch))


@lru_cache(maxsize=1)
def _names(setting: str) -> Names | None:
    """What finds names; opened once per process."""
    return names_of(setting)


def _messages(messages: pa.ListArray, taking: Taking, found: Counter[str]) -> pa.ListArray:
    flat = messages.flatten()
    contents = _cleared(flat.field("content"), taking, found)
    turns = pa.StructArray.from_arrays([flat.field("role"), contents], fields=list(MESSAGE))
    start = messages.offsets[0]
    offsets = pa.array(messages.offsets.to_numpy() - start.as_py(), pa.int32())
    return pa.ListArray.from_arrays(offsets, turns, type=messages.type)


def _cleared(texts: pa.Array, taking: Taking, found: Counter[str]) -> pa.Array:
    """The texts without what is found in each; equal texts are searched once, nulls stay."""
    coded = texts.dictionary_encode()
    known = coded.dictionary
    spans = find_pii_batch(known, names=taking.names, alone=taking.alone)
    holders = [place for place, each in enumerate(spans) if each]
    if not holders:
        return texts
    told = known.to_pylist()
    uses = Counter(code for code in coded.indices.to_pylist() if code is not None)
    for place in holders:
        cleared_text = clear(
            told[place], spans[place], taking.action, taking.salt,
            key=taking.key, names=taking.names, alone=taking.alone,
        )  # fmt: skip
        told[place] = cleared_text.text
        for entity, count in cleared_text.found.items():
            found[entity] += count * uses[place]
    return pa.array(told, texts.type).take(coded.indices)
