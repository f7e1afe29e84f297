"""Batches cleaned and cleared of personal data."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from luthier.data.clean import CleanedBatch, turns_of
from luthier.data.config import PiiConfig
from luthier.data.personal import take_out_personal_data
from luthier.data.plan.bodies import batch_of, examples_of
from luthier.text.languages import language_of
from luthier.text.pii import take_out


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


def cleared(batch: pa.RecordBatch, config: PiiConfig, salt: str) -> tuple[pa.RecordBatch, dict[str, int]]:
    found = take_out_personal_data(examples_of(batch), config, salt)
    return batch_of(list(found.rows)).set_column(2, batch.schema.field("line"), batch["line"]), dict(found.found)


def hidden(ids: Sequence[str], config: PiiConfig, salt: str) -> list[str]:
    """Ids with personal data hashed, as it is in the ids of rows that stay."""
    return list(ids) if config.action == "off" else [take_out(row, "hash", salt).text for row in ids]


def searched(batch: pa.RecordBatch, config: PiiConfig) -> dict[str, int]:
    if config.action == "replace":
        return {}
    off = config.model_copy(update={"action": "mask"})
    return dict(take_out_personal_data(examples_of(batch), off, "").found)


def languages_of(batch: pa.RecordBatch) -> Counter[str]:
    """How many of the rows are in which language, told by their beginnings."""
    return Counter(language_of("\n".join(text for _, text in turns)) for turns in turns_of(batch))
