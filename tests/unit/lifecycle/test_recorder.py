"""Interactions in batches: acknowledged only once written."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from luthier.domain.interactions import Interaction
from luthier.errors import StorageFault
from luthier.lifecycle.serving.recorder import Recorder
from luthier.store import InteractionRow


def interaction(name: str) -> Interaction:
    return Interaction(
        id=name, at=datetime(2026, 3, 1, tzinfo=UTC), user_key="u", release_id="r", variant="a" * 64, arm="stable",
        asked="q", answered="a", status_code=200, latency_seconds=0.1, prompt_tokens=1, completion_tokens=1,
    )  # fmt: skip


def test_every_caller_returns_after_its_row_was_written_and_rows_share_writes() -> None:
    batches: list[list[str]] = []

    async def record_many() -> None:
        recorder = Recorder(lambda rows: batches.append([row.id for row in rows]))
        await asyncio.gather(*(recorder.record(interaction(str(i))) for i in range(50)))

    asyncio.run(record_many())
    assert sorted(name for batch in batches for name in batch) == sorted(map(str, range(50)))
    assert len(batches) < 50


def test_a_failed_write_reaches_the_callers_and_the_next_write_goes_through() -> None:
    written: list[str] = []

    def write(rows: Sequence[InteractionRow]) -> None:
        if not written and rows[0].id == "bad":
            raise StorageFault("the disk is full")
        written.extend(row.id for row in rows)

    async def record_both() -> None:
        recorder = Recorder(write)
        with pytest.raises(StorageFault):
            await recorder.record(interaction("bad"))
        await recorder.record(interaction("good"))

    asyncio.run(record_both())
    assert written == ["good"]
