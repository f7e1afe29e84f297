"""Shards are one table to whoever reads them, and tasks share its rows out."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.plan.shards import SHARDS_PER_STRETCH, Shards

Layout: TypeAlias = list[list[int]]
"""For each shard how many rows each of its batches has."""
layouts = st.lists(st.lists(st.integers(0, 5), max_size=3), max_size=20)


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Layout], Shards]:
    """Shards whose only column counts the rows."""

    def write(layout: Layout) -> Shards:
        folder, at, files = tmp_path_factory.mktemp("shards"), 0, []
        for number, sizes in enumerate(layout):
            files.append(Path(folder) / f"{number}.arrow")
            with pa.ipc.new_file(str(files[-1]), pa.schema([("at", pa.int64())])) as sink:
                for size in sizes:
                    sink.write_batch(pa.record_batch([pa.array(range(at, at + size), pa.int64())], ["at"]))
                    at += size
        return Shards(files)

    return write


@given(layouts, st.data())
def test_stretches_give_each_row_once_in_order_with_its_own_place(
    laid_out: Callable[[Layout], Shards], layout: Layout, data: st.DataObject
) -> None:
    shards = laid_out(layout)
    wanted = np.array(sorted(data.draw(st.sets(st.sampled_from(range(len(shards)))))) if len(shards) else [], np.int64)
    stretches = shards.stretches(wanted)
    assert all(len(stretch.files) <= SHARDS_PER_STRETCH for stretch in stretches)
    told = [(rows.tolist(), batch["at"].to_pylist()) for stretch in stretches for rows, batch in stretch.batches("at")]
    assert [place for places, _ in told for place in places] == wanted.tolist()
    assert [value for _, values in told for value in values] == wanted.tolist()


def test_the_stretches_follow_from_the_shards_and_not_from_the_rows(laid_out: Callable[[Layout], Shards]) -> None:
    shards = laid_out([[1]] * (2 * SHARDS_PER_STRETCH + 1))
    firsts = [stretch.first for stretch in shards.stretches(np.arange(len(shards)))]
    assert firsts == [0, SHARDS_PER_STRETCH, 2 * SHARDS_PER_STRETCH]
    assert all(after - before == SHARDS_PER_STRETCH for before, after in pairwise(firsts))
    assert [s.first for s in shards.stretches(np.array([2 * SHARDS_PER_STRETCH]))] == [2 * SHARDS_PER_STRETCH]
