"""Rows that may not be used: somebody asked to erase them, or they are past their retention."""

from collections.abc import Collection
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc


def reasons_against(
    batch: pa.RecordBatch, *, erased: Collection[str], retention_days: int | None, today: date | None
) -> list[str | None]:
    """Why each row may not be used; None where it may.

    Args:
        batch: Rows as they were read, with ids and subjects in clear.
        erased: Ids and subjects.
        retention_days: How long a row may be kept from the day it was collected; rows without a day are kept.
        today: Without it no row is past its retention.

    """
    gone = pa.array(sorted(erased), pa.string())
    is_erased = pc.or_(pc.is_in(batch["id"], gone), pc.is_in(batch["subject"], gone))
    is_past = pa.array([False] * batch.num_rows)
    if retention_days is not None and today is not None:
        last = pa.scalar(today - timedelta(days=retention_days), pa.date32())
        is_past = pc.less(batch["collected_on"], last).fill_null(False)
    reasons: list[str | None] = pc.case_when(
        pc.make_struct(is_erased, is_past), pa.scalar("erased"), pa.scalar("retention_over")
    ).to_pylist()
    return reasons
