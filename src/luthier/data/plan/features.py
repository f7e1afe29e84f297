"""What the passes need to know of a row without reading it, as columns beside it."""

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from luthier.data.compare import Side
from luthier.data.plan.bodies import bodies_of, examples_of, row_digests
from luthier.data.rows import SCHEMA

VERSION = 1
"""Raised by hand when a feature gets another meaning."""

_COLUMNS = (
    pa.field("row_digest", pa.binary(32), nullable=False),
    pa.field("id_key", pa.uint64(), nullable=False),
    pa.field("group_key", pa.uint64(), nullable=False),
    pa.field("question_chars", pa.int32(), nullable=False),
    pa.field("answer_chars", pa.int32(), nullable=False),
    pa.field("exact", pa.uint64(), nullable=False),
)
FEATURES = pa.schema([*SCHEMA, *_COLUMNS])
"""A row and its features. Keys are 64-bit digests: `id_key` of the id, `group_key` of the group, or of the row where it has
none; `exact` of question and answer once case and spacing are folded."""


def with_features(batch: pa.RecordBatch, salt: str) -> pa.RecordBatch:
    """A batch of `rows.SCHEMA` with the features of each row."""
    ids, groups = batch["id"].to_pylist(), batch["group"].to_pylist()
    rows = examples_of(batch)
    sides = [Side(row) for row in rows]
    found = (
        pa.array(row_digests(bodies_of(batch), salt), pa.binary(32)),
        _keys(ids),
        _keys([f"row {row}" if group is None else f"group {group}" for row, group in zip(ids, groups, strict=True)]),
        pa.array([len(row.asked) for row in rows], pa.int32()),
        pa.array([len(row.ideal) for row in rows], pa.int32()),
        _keys([f"{side.folded}\0{side.answer}" for side in sides]),
    )
    return pa.RecordBatch.from_arrays([*batch.columns, *found], schema=FEATURES)


def _keys(texts: list[str]) -> pa.Array:
    return pa.array(np.array([xxhash.xxh3_64_intdigest(text.encode()) for text in texts], dtype=np.uint64))
