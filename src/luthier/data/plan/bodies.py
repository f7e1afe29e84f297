"""Rows between Arrow, `Example` and Parquet; and the digest of each, which is the same on every way."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import cast

import orjson
import pyarrow as pa

from luthier.data.rows import SCHEMA
from luthier.domain.examples import Example
from luthier.domain.value import Json

TAG = pa.struct([pa.field("tag", pa.string(), nullable=False), pa.field("value", pa.string(), nullable=False)])
PARQUET = pa.schema([SCHEMA.field(name) if name != "strata" else pa.field("strata", pa.list_(TAG), nullable=False)
                     for name in SCHEMA.names if name != "line"])  # fmt: skip
"""Rows as a snapshot holds them. Tags are a list, since `datasets` opens no maps; where a row stood is left out."""

BODY = [name for name in SCHEMA.names if name != "line"]
"""The columns of an `Example`."""
Body = Mapping[str, Json]


def bodies_of(batch: pa.RecordBatch) -> Sequence[Body]:
    """Each row as the JSON object that `Example.model_dump(mode="json")` gives."""
    rows: list[Body] = []
    for row in cast("list[dict[str, Json]]", batch.select(BODY).to_pylist()):
        row["strata"] = dict(sorted(cast("list[tuple[str, str]]", row["strata"])))
        if row["collected_on"] is not None:
            row["collected_on"] = cast("date", row["collected_on"]).isoformat()
        rows.append(row)
    return rows


def examples_of(batch: pa.RecordBatch) -> list[Example]:
    """The rows of a batch of `rows.SCHEMA`, or of more than its columns."""
    return [Example.model_validate(body) for body in bodies_of(batch)]


def body_of(row: Example) -> Body:
    """One row as JSON."""
    return cast("Body", row.model_dump(mode="json"))


def row_digests(bodies: Iterable[Body], salt: str) -> list[bytes]:
    """SHA-256 of salt + canonical JSON of each row, 32 bytes; without the salt nobody can test a guess."""
    start = hashlib.sha256(salt.encode())
    return [_digest(start.copy(), orjson.dumps(body, option=orjson.OPT_SORT_KEYS)) for body in bodies]


def parquet_of(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of `rows.SCHEMA` as a snapshot holds it."""
    columns = [_tags(batch["strata"]) if name == "strata" else batch[name] for name in PARQUET.names]
    return pa.RecordBatch.from_arrays(columns, schema=PARQUET)


def batch_of(rows: Sequence[Example]) -> pa.RecordBatch:
    """Rows as a batch of `rows.SCHEMA`; the line each stood at is not known any more."""
    bodies = [row.model_dump() | {"strata": list(row.strata.items()), "line": 0} for row in rows]
    return pa.RecordBatch.from_arrays(
        [pa.array([body[field.name] for body in bodies], field.type) for field in SCHEMA], schema=SCHEMA
    )


def examples_of_parquet(batch: pa.RecordBatch) -> list[Example]:
    """The rows of a batch of `PARQUET`."""
    rows = cast("list[dict[str, Json]]", batch.to_pylist())
    for row in rows:
        row["strata"] = {tag["tag"]: tag["value"] for tag in cast("list[dict[str, str]]", row["strata"])}
    return [Example.model_validate(row) for row in rows]


def _tags(strata: pa.MapArray) -> pa.ListArray:
    pairs = pa.StructArray.from_arrays([strata.keys, strata.items], fields=list(TAG))
    return pa.ListArray.from_arrays(strata.offsets, pairs, type=pa.list_(TAG))


def _digest(running: "hashlib._Hash", data: bytes) -> bytes:
    running.update(data)
    return running.digest()
