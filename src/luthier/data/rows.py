"""Rows as columns: the one Arrow shape that readers write and kernels read.

A conversation stays a list of messages whose last one is the ideal answer. An assistant turn that calls tools is its
calls as canonical JSON text. What a file says besides becomes a tag in `strata`, as text.
"""

import pyarrow as pa
import pyarrow.compute as pc

MESSAGE = pa.struct([pa.field("role", pa.string(), nullable=False), pa.field("content", pa.string(), nullable=False)])

SCHEMA = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("line", pa.int64(), nullable=False),
    pa.field("messages", pa.list_(MESSAGE), nullable=False),
    pa.field("tools", pa.string()),
    pa.field("rejected", pa.string()),
    pa.field("liked", pa.bool_()),
    pa.field("strata", pa.map_(pa.string(), pa.string()), nullable=False),
    pa.field("lawful_basis", pa.string(), nullable=False),
    pa.field("subject", pa.string()),
    pa.field("group", pa.string()),
    pa.field("collected_on", pa.date32()),
    pa.field("synthetic", pa.bool_(), nullable=False),
])  # fmt: skip
"""`line`: 1-based place in the source. `tools`: JSON of the tools offered. `rejected`: the answer a person liked less,
for preference tuning. `liked`: what a person thought of the last message, where they judged it alone. `group`: rows of
one group never straddle splits. `synthetic`: written by a model."""

PREFERENCE = "~preference"
"""What the id of a preference ends with, beside the row whose chosen answer is taught by itself."""


def are_preferences(batch: pa.RecordBatch) -> pa.BooleanArray:
    """Which rows say what people prefer, and are no ideal answer to be learned by itself."""
    return pc.or_(batch["rejected"].is_valid(), batch["liked"].is_valid())
