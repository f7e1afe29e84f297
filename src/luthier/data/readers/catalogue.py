"""Every format by name, and which of them a file is in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import BinaryIO

import pyarrow as pa

from luthier.data.readers import annotated, dialogues, evaluations, tables, tickets, training
from luthier.data.readers.columns import read_records
from luthier.data.readers.compose import composed
from luthier.data.readers.json_records import json_records
from luthier.data.readers.lines import BYTE_ORDER_MARK
from luthier.data.readers.mail import mail
from luthier.data.readers.parts import Convert, Fault, Object, Origin, Reader, Record, Records
from luthier.data.readers.streams import Part, closing, rejoined
from luthier.errors import Faults
from luthier.registry import Registry

_HEAD_BYTES = 1 << 16
_TRIED_RECORDS = 100
readers: Registry[Reader] = Registry("reader")


@dataclass(frozen=True)
class Shape:
    """How a record of one format is told from others, and read."""

    convert: Convert
    fits: Callable[[Object], bool]


def _keys(*needed: str) -> Callable[[Object], bool]:
    return lambda row: all(key in row for key in needed)


def _either(*keys: str) -> Callable[[Object], bool]:
    return lambda row: any(key in row for key in keys)


def _is_tensorzero(row: Object) -> bool:
    return "input" in row and "output" in row and "messages" in str(row["input"])[:20_000] and "instruction" not in row


def _is_dialogue(row: Object) -> bool:
    return any(isinstance(value, list) and key.lower() in dialogues.TURNS for key, value in row.items())


SHAPES: Mapping[str, Shape] = {
    "human_fix": Shape(training.human_fix, _keys("draft", "edited")),
    "chat": Shape(training.chat, _keys("messages")),
    "openai_dpo": Shape(training.dpo, _keys("preferred_output", "non_preferred_output")),
    "preference": Shape(training.preference, _keys("chosen", "rejected")),
    "prompt_completion": Shape(training.prompt_completion, _keys("prompt", "completion")),
    "alpaca": Shape(training.alpaca, lambda row: "instruction" in row and ("output" in row or "instances" in row)),
    "openai_evals": Shape(evaluations.openai_evals, _keys("input", "ideal")),
    "tensorzero": Shape(evaluations.tensorzero, _is_tensorzero),
    "zendesk": Shape(tickets.zendesk, _keys("comments")),
    "intercom": Shape(tickets.intercom, _keys("conversation_parts", "source")),
    "argilla": Shape(annotated.argilla, _keys("fields", "responses")),
    "label_studio": Shape(
        annotated.label_studio, lambda row: "data" in row and _either("annotations", "completions")(row)
    ),
    "sharegpt": Shape(dialogues.sharegpt, _is_dialogue),
}
"""Formats of single records, the more telling ones first; each can be kept as JSON, CSV, Parquet or Arrow."""


def _reader(convert: Convert) -> Reader:
    return lambda stream, origin: read_records(renamed(_records(stream, origin), origin), convert, origin)


def _table(open_records: Callable[[BinaryIO], Records]) -> Reader:
    """A reader that takes the format of a table's rows from their columns."""

    def read(stream: BinaryIO, origin: Origin) -> Iterator[pa.RecordBatch | Fault]:
        return by_keys(renamed(open_records(stream), origin), origin)

    return read


def by_keys(records: Records, origin: Origin) -> Iterator[pa.RecordBatch | Fault]:
    """Batches of records whose format their own keys tell."""
    first = list(islice(records, 1))
    row = first[0].row if first and isinstance(first[0], Record) else None
    name = shape_of(row) if row is not None else None
    if row is not None and name is None:
        yield Fault(
            line=1, what=f"{_named(row)} fit no format; map them: `columns: {{prompt: NAME, completion: NAME}}`"
        )
        return
    yield from read_records(chain(first, records), SHAPES[name or "prompt_completion"].convert, origin)


for _name, _shape in SHAPES.items():
    readers.add(_name)(_reader(_shape.convert))
readers.add("csv")(_table(tables.csv_records))
readers.add("parquet")(_table(tables.parquet_records))
readers.add("arrow")(_table(tables.arrow_records))
readers.add("mail")(mail)


def reader_for(name: str, part: Part, origin: Origin) -> tuple[str, Reader]:
    """The reader called `name`, or for `auto` the one that the first records ask for.

    Raises:
        UnknownName: No reader has that name.
        Faults: The format of the file cannot be recognised.

    """
    chosen = recognise(part, origin) if name == "auto" else name
    return chosen, readers.get(chosen)


def recognise(part: Part, origin: Origin) -> str:
    """The name of the format of a file; Faults where none fits."""
    with closing(part.open()) as stream:
        head = stream.read(_HEAD_BYTES)
        if _is_mail(head, part.place):
            return "mail"
        told = "the file is empty" if not head.strip() else "the format cannot be recognised"
        hint = f"name its `format`, one of {readers.names()}, or map its fields with `columns`"
        for item in islice(renamed(_records(rejoined(head, stream), origin, part.place), origin), _TRIED_RECORDS):
            if isinstance(item, Fault):
                told = f"the format cannot be recognised: {item.what}"
            elif (name := shape_of(item.row)) is not None:
                return name
            else:
                told = f"the format cannot be recognised; a record has {_named(item.row)}"
                hint = _how_to_map(item.row) or hint
    raise Faults(part.place, [f"{part.place}:1: {told}"], hint=hint)


_ASKS = ("question", "query", "text", "utterance", "prompt", "input", "title", "body", "instruction")
_ANSWERS = ("answer", "response", "reply", "completion", "output", "label", "category", "intent", "summary", "target")


def _how_to_map(row: Object) -> str | None:
    """How fields could be mapped that look like a question and its answer; that they are is for a person to say."""
    names = {name.strip().lower(): name for name in row}
    asked, answered = (next((names[one] for one in side if one in names), None) for side in (_ASKS, _ANSWERS))
    if asked is None:
        return None
    if answered is None:
        return f"no field looks like an answer to {asked!r}; documents to look things up in go under `retrieval`"
    return (
        f"if {asked!r} is answered by {answered!r}, write `columns: {{prompt: {asked}, completion: {answered}}}`, "
        f"or `--column prompt={asked} --column completion={answered}`"
    )


def shape_of(row: Object) -> str | None:
    """The format whose keys the record has."""
    return next((name for name, shape in SHAPES.items() if shape.fits(row)), None)


def _named(row: Object) -> str:
    """The fields of a record for a message; there may be many, and they may be long."""
    names = [name[:40] for name in islice(row, 12)]
    return f"the fields {names}{' and more' if len(row) > len(names) else ''}"


def renamed(records: Records, origin: Origin) -> Records:
    """Records whose fields bear Luthier's names, and those made of other fields."""
    if origin.columns:
        records = (_rename(item, origin.columns) if isinstance(item, Record) else item for item in records)
    return composed(records, origin)


def _rename(record: Record, columns: Mapping[str, str]) -> Record:
    taken = set(columns.values())
    row = {key: value for key, value in record.row.items() if key not in taken}
    return record._replace(row=row | {field: record.row[name] for field, name in columns.items() if name in record.row})


def _records(stream: BinaryIO, origin: Origin, place: str = "") -> Records:
    """Records of a file whatever it is kept as, told by its first bytes."""
    head = stream.read(_HEAD_BYTES)
    rest = rejoined(head, stream)
    if refused := _refused(head):
        return iter((Fault(line=1, what=refused),))
    if head[:4] == b"PAR1":
        return tables.parquet_records(_rewound(rest, stream))
    if head[:6] == b"ARROW1" or head[:4] == b"\xff\xff\xff\xff":
        return tables.arrow_records(_rewound(rest, stream))
    if origin.first_line == 1 and _is_csv(head, place or origin.where):
        return tables.csv_records(rest)
    return json_records(rest, first_line=origin.first_line)


def _rewound(rest: BinaryIO, stream: BinaryIO) -> BinaryIO:
    """A stream that begins at the file's first byte, and can go back where the file can."""
    if not stream.seekable():
        return rest
    stream.seek(0)
    return stream


def _refused(head: bytes) -> str | None:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "UTF-16 text; save it as UTF-8"
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return "it looks like a pickle, which is never opened"
    if head[:2] == b"\x1f\x8b" or head[:4] == b"PK\x03\x04":
        return "packed twice; unpack it once"
    return None


def _is_csv(head: bytes, place: str) -> bool:
    start = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if start[:1] in {b"{", b"["}:
        return False
    suffixes = PurePosixPath(place).suffixes
    first = start.split(b"\n", 1)[0]
    return (
        ".csv" in suffixes or ".tsv" in suffixes or (b"," in first and b'"messages"' not in first and b"{" not in first)
    )


def _is_mail(head: bytes, place: str) -> bool:
    named = PurePosixPath(place).suffix.lower() in {".mbox", ".eml"}
    lower = head[:4096].lower()
    return (
        named
        or (head[:5] == b"From " and b"\nfrom:" in lower)
        or (b"\nmessage-id:" in lower and b"\nsubject:" in lower)
    )
