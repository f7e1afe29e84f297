"""Questions and answers of many rows as columns, in the form in which they are compared."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from luthier.data.plain import call_of
from luthier.domain.digests import canonical_json
from luthier.text.tokens import Hashes, tokens_of


class Asked(NamedTuple):
    """One line per row: what was said before the answer, except by the system, and a key of the answer.

    Keys are equal for answers that differ in case, spacing, punctuation, polite words or the order of JSON keys only.
    """

    questions: pa.Array
    answers: Hashes

    @classmethod
    def of(cls, questions: Sequence[str], answers: Sequence[str]) -> "Asked":
        """The columns of texts."""
        return cls(pa.array(questions, pa.large_string()), answer_keys(pa.array(answers, pa.large_string())))

    @classmethod
    def of_batch(cls, batch: pa.RecordBatch) -> "Asked":
        """The columns of a batch of `rows.SCHEMA`."""
        messages = batch.column("messages")
        last = _ends(messages)[1:] - 1
        ideals = messages.flatten().field("content").take(pa.array(last)).cast(pa.large_string())
        return cls(questions_of(messages), answer_keys(ideals))

    def take(self, rows: NDArray[np.int64]) -> "Asked":
        """These rows, in this order."""
        return Asked(self.questions.take(pa.array(rows)), self.answers[rows])


def questions_of(messages: pa.ListArray) -> pa.LargeStringArray:
    """What was said before the answer in each conversation, except by the system."""
    ends = _ends(messages)
    flat = messages.flatten()
    asked = np.array(pc.not_equal(flat.field("role"), "system"))
    asked[ends[1:] - 1] = False
    starts = np.concatenate([[0], np.cumsum(asked)])[ends]
    contents = flat.field("content").filter(pa.array(asked)).cast(pa.large_string())
    lines = pa.LargeListArray.from_arrays(pa.array(starts, pa.int64()), contents)
    return pc.binary_join(lines, pa.scalar("\n", pa.large_string()))


def _ends(messages: pa.ListArray) -> NDArray[np.int64]:
    """Where each conversation ends among the messages of all, after where the first one begins."""
    ends: NDArray[np.int64] = np.asarray(messages.offsets) - messages.offsets[0].as_py()
    return ends


def answer_keys(answers: pa.Array) -> Hashes:
    """A key per answer; calls are read, since their keys may stand in any order."""
    keys = tokens_of(answers).in_order()
    for place in np.flatnonzero(np.asarray(pc.match_substring_regex(answers, r"^\s*[\[{]"))).tolist():
        if (call := call_of(answers[place].as_py())) is not None:
            keys[place] = xxhash.xxh3_64_intdigest(canonical_json(call))
    return keys
