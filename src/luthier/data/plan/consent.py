"""Rows that may not be used: somebody asked to erase them, or they are past their retention."""

from collections.abc import Collection
from datetime import date, timedelta
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from luthier.data.config import SourceConfig
from luthier.data.rows import PREFERENCE
from luthier.domain.withdrawals import person_key


def reasons_against(
    batch: pa.RecordBatch, *, erased: Collection[str], salt: str, retention_days: int | None, today: date | None
) -> list[str | None]:
    """Why each row may not be used; None where it may.

    Args:
        batch: Rows as they were read, with ids and subjects in clear.
        erased: `person_key` of ids and subjects.
        salt: Of the keys.
        retention_days: How long a row may be kept from the day it was collected; rows without a day are kept.
        today: Without it no row is past its retention.

    """
    is_past = pa.array([False] * batch.num_rows)
    if retention_days is not None and today is not None:
        last = pa.scalar(today - timedelta(days=retention_days), pa.date32())
        is_past = pc.less(batch["collected_on"], last).fill_null(False)
    is_erased = are_erased(batch, erased, salt)
    reasons: list[str | None] = pc.case_when(
        pc.make_struct(is_erased, is_past), pa.scalar("erased"), pa.scalar("retention_over")
    ).to_pylist()
    return reasons


def are_erased(batch: pa.RecordBatch, erased: Collection[str], salt: str) -> pa.BooleanArray:
    """Which rows have an id or a subject among `erased`, in clear or as it is kept; a row's id names its preference."""
    if not erased:
        return pa.array([False] * batch.num_rows)
    gone = pa.array(sorted(erased), pa.string())
    beside = pc.replace_substring_regex(batch["id"], f"{PREFERENCE}$", "")
    ids = pc.or_(pc.is_in(keys_of(batch["id"], salt), gone), pc.is_in(keys_of(beside, salt), gone))
    return pc.or_(ids, pc.or_(pc.is_in(keys_of(batch["subject"], salt), gone), pc.is_in(batch["subject"], gone)))


def keys_of(names: pa.StringArray, salt: str) -> pa.StringArray:
    """`person_key` of every name; nulls stay."""
    return pa.array([None if name is None else _key(name, salt) for name in names.to_pylist()], pa.string())


def first_end(batch: pa.RecordBatch, retention_days: int | None) -> date | None:
    """The first day on which a row of the batch is past its retention; None where no row ever is."""
    earliest: date | None = pc.min(batch["collected_on"]).as_py()
    return None if earliest is None or retention_days is None else earliest + timedelta(days=retention_days + 1)


def refusal(section: SourceConfig) -> str | None:
    """Why no row of a source may be trained on, where its terms forbid it."""
    if section.training_allowed:
        return None
    told = f": {section.terms!r}" if section.terms else ""
    return f"the terms of its source do not allow training on it{told}"


_key = lru_cache(maxsize=4096)(person_key)
"""A person's rows stand together more often than not."""
