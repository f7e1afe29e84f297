"""Which rows say the same once case, width, spacing, invisible characters and look-alike letters are folded.

Digests have 128 bits: among a billion rows two different ones share a digest with probability 1.5e-21, so equal digests
are taken for equal texts. They are the same on every platform and in every process.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from luthier.text.folding import Bytes, folded

Digests = NDArray[np.uint64]
"""Shape [rows, 2], little-endian."""

_MARKS = ("\x01", "\x02")
"""After a role, and after a message."""


def conversations(messages: pa.Array) -> pa.LargeStringArray:
    """Each conversation as one folded text: role, content, role, content, with control characters between.

    Args:
        messages: A list array of structs with `role` and `content`, as in `luthier.data.rows.SCHEMA`; also a slice.

    """
    # made here: a scalar of Arrow imports pandas where there is one, for a second at every command's start
    after_role, after_message = (pa.scalar(mark, pa.large_string()) for mark in _MARKS)
    flat = messages.flatten()
    contents = folded(flat.field("content"))
    roles = flat.field("role").cast(pa.large_string())
    turns = pc.binary_join_element_wise(roles, contents, after_role)
    offsets = pc.subtract(messages.offsets, messages.offsets[0]).cast(pa.int64())
    return pc.binary_join(pa.LargeListArray.from_arrays(offsets, turns), after_message)


def digests(texts: pa.Array) -> Digests:
    """The XXH3-128 digest of each text as it stands (fold it first), shape [len(texts), 2]; a null counts as empty."""
    source = Bytes.of(texts)
    view = source.values.data
    ends = source.offsets.tolist()
    joined = b"".join([xxhash.xxh3_128_digest(view[start:end]) for start, end in pairwise(ends)])
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 2)


def conversation_digests(messages: pa.Array) -> Digests:
    """The digest of each conversation; equal where roles and folded contents are equal."""
    return digests(conversations(messages))


def first_of_equal(found: Digests) -> NDArray[np.int64]:
    """For each row the number of the first row with its digest; shape [rows]. A row that repeats none names itself.

    Memory: 24 bytes a row besides the digests.
    """
    order = np.lexsort((found[:, 1], found[:, 0]))
    ordered = found[order]
    starts = np.flatnonzero(np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)] if len(found) else [])
    heads = np.empty(len(found), dtype=np.int64)
    heads[order] = np.repeat(order[starts], np.diff(np.r_[starts, len(found)]))
    return heads
