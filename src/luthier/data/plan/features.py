"""What the passes need to know of a row without reading it, as columns beside it."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from luthier.data.asked import Asked
from luthier.data.plan.bodies import bodies_of, row_digests
from luthier.data.plan.preferences import preference_keys
from luthier.data.rows import PREFERENCE, SCHEMA
from luthier.text.digesting import conversation_digests
from luthier.text.shingling import LONG, SHORT, Grain
from luthier.text.signatures import Bands, near_keys
from luthier.text.tokens import tokens_of

VERSION = 2
"""Raised by hand when a feature gets another meaning."""

_FIXED = (
    pa.field("row_digest", pa.binary(32), nullable=False),
    pa.field("id_key", pa.uint64(), nullable=False),
    pa.field("group_key", pa.uint64(), nullable=False),
    pa.field("question_chars", pa.int32(), nullable=False),
    pa.field("answer_chars", pa.int32(), nullable=False),
    pa.field("question_key", pa.uint64(), nullable=False),
    pa.field("answer_key", pa.uint64(), nullable=False),
    pa.field("preference_key", pa.uint64(), nullable=False),
    pa.field("exact_low", pa.uint64(), nullable=False),
    pa.field("exact_high", pa.uint64(), nullable=False),
)


_CANDIDATES = 0.15
"""How far below the threshold of the careful comparison, which weighs words, the Jaccard of candidates may lie."""
_SHORTER = 0.1


class Nearness(NamedTuple):
    """One grain of questions: the Jaccard from which two of them are candidates, and how signatures are cut."""

    grain: Grain
    jaccard: float
    bands: Bands

    @property
    def columns(self) -> list[str]:
        """The columns of the band keys."""
        return [f"{self.grain.name}_{band:02d}" for band in range(self.bands.count)]


def nearness(threshold: float) -> tuple[Nearness, Nearness]:
    """Both grains, for questions that are one from `threshold` on: a changed word costs a short one more."""
    long, short = (
        Nearness(grain, jaccard, Bands.for_threshold(jaccard))
        for grain, jaccard in ((LONG, threshold - _CANDIDATES), (SHORT, threshold - _CANDIDATES - _SHORTER))
    )
    return long, short


def schema(threshold: float) -> pa.Schema:
    """A row and its features.

    `id_key` and `group_key` are 64-bit digests of the id and of the group, or of the row where it has none;
    `question_key` and `answer_key` are equal for questions and answers that say the same in form (`data.asked`);
    `preference_key` is 0 for an answer (`plan.preferences`); `exact_low` and `exact_high` are the 128-bit digest of the
    folded conversation and of what is preferred; then come the band keys of the questions in each grain.
    """
    bands = [name for near in nearness(threshold) for name in near.columns]
    return pa.schema([*SCHEMA, *_FIXED, *(pa.field(name, pa.uint64(), nullable=False) for name in bands)])


def with_features(batch: pa.RecordBatch, salt: str, threshold: float) -> pa.RecordBatch:
    """A batch of `rows.SCHEMA` with the features of each row."""
    ids, groups = batch["id"].to_pylist(), batch["group"].to_pylist()
    exact = conversation_digests(batch["messages"])
    asked = Asked.of_batch(batch)
    preferred = preference_keys(batch)
    question, answer = _characters(batch)
    fixed = [
        pa.array(row_digests(bodies_of(batch), salt), pa.binary(32)),
        _keys(ids),
        _keys(
            [
                f"row {row.removesuffix(PREFERENCE)}" if group is None else f"group {group}"
                for row, group in zip(ids, groups, strict=True)
            ]
        ),
        question,
        answer,
        pa.array(tokens_of(asked.questions).in_any_order()),
        pa.array(asked.answers),
        pa.array(preferred),
        pa.array(exact[:, 0] ^ preferred),
        pa.array(exact[:, 1]),
    ]
    bands = [near_keys(asked.questions, near.grain, near.bands).T for near in nearness(threshold)]
    columns = [pa.array(np.ascontiguousarray(column)) for keys in bands for column in keys]
    return pa.RecordBatch.from_arrays([*batch.columns, *fixed, *columns], schema=schema(threshold))


def _characters(batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """The characters of the last user message before the answer, and of the answer."""
    messages = batch["messages"]
    flat = messages.flatten()
    sizes = pc.utf8_length(flat.field("content")).to_numpy()
    last = messages.offsets.to_numpy()[1:] - messages.offsets[0].as_py() - 1
    is_user = pc.equal(flat.field("role"), "user").to_numpy(zero_copy_only=False)
    places = np.where(is_user, np.arange(len(sizes)), -1)
    asked = np.maximum.accumulate(places)[last - 1] if len(last) else last
    return pa.array(sizes[asked], pa.int32()), pa.array(sizes[last], pa.int32())


def _keys(texts: list[str]) -> pa.Array:
    found: NDArray[np.uint64] = np.array([xxhash.xxh3_64_intdigest(text.encode()) for text in texts], dtype=np.uint64)
    return pa.array(found)
