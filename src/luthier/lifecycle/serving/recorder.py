"""Interactions made durable many at a time: a caller returns when the batch that holds its row is committed."""

import asyncio
from collections.abc import Callable, Sequence

from luthier.domain.interactions import Interaction
from luthier.store import InteractionRow

MAX_BATCH = 500


class Recorder:
    """One writer task; what was acknowledged is committed."""

    def __init__(self, write: Callable[[Sequence[InteractionRow]], None]) -> None:
        self._write = write
        self._waiting: list[tuple[InteractionRow, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def record(self, interaction: Interaction) -> None:
        """Return once the interaction is durable; whatever the store raises is raised here."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row_of(interaction), done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._drain())
        await done

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            writing = asyncio.to_thread(self._write, [row for row, _ in batch])
            [fault] = await asyncio.gather(writing, return_exceptions=True)
            for _, done in batch:
                _finish(done, fault)


def row_of(interaction: Interaction) -> InteractionRow:
    """The interaction as the store keeps it."""
    return InteractionRow(
        id=interaction.id,
        at=interaction.at,
        user_key=interaction.user_key,
        release_id=interaction.release_id,
        variant_digest=interaction.variant,
        arm=interaction.arm,
        request=interaction.asked,
        response_text=interaction.answered,
        status_code=interaction.status_code,
        latency_seconds=interaction.latency_seconds,
        prompt_tokens=interaction.prompt_tokens,
        completion_tokens=interaction.completion_tokens,
        cost=interaction.cost,
        guards=dict(interaction.guards),
        error=interaction.error,
    )


def _finish(done: asyncio.Future[None], fault: BaseException | None) -> None:
    if done.done():  # the caller was cancelled; the row is written all the same
        return
    if fault is None:
        done.set_result(None)
    else:
        done.set_exception(fault)
