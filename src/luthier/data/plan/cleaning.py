"""interim"""

import pyarrow as pa

from luthier.data.clean import clean
from luthier.data.config import PiiConfig
from luthier.data.personal import take_out_personal_data
from luthier.data.plan.bodies import batch_of, examples_of
from luthier.text.pii import take_out


def cleaned(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[str | None]]:
    found = clean(examples_of(batch))
    why = {row.id: row.reason for row in found.dropped}
    tidy = {row.id: row for row in found.kept}
    rows = [tidy.get(row.id, row) for row in examples_of(batch)]
    return batch_of(rows).set_column(2, batch.schema.field("line"), batch["line"]), [why.get(row.id) for row in rows]


def cleared(batch: pa.RecordBatch, config: PiiConfig, salt: str) -> tuple[pa.RecordBatch, dict[str, int]]:
    found = take_out_personal_data(examples_of(batch), config, salt)
    return batch_of(list(found.rows)).set_column(2, batch.schema.field("line"), batch["line"]), dict(found.found)


def hidden(ids: list[str], config: PiiConfig, salt: str) -> list[str]:
    if config.action == "off":
        return ids
    return [take_out(row, "hash", salt).text for row in ids]


def searched(batch: pa.RecordBatch, config: PiiConfig) -> dict[str, int]:
    if config.action == "replace":
        return {}
    off = config.model_copy(update={"action": "mask"})
    return dict(take_out_personal_data(examples_of(batch), off, "").found)
