"""News of several requests, carried from the scheduler's thread to one HTTP request."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from luthier.engine.scheduler import Scheduler
from luthier.variants.engines.base import EngineRequest, Piece

Numbered = tuple[int, Piece]


async def news_of(
    scheduler: Scheduler, asked: Sequence[EngineRequest], *, streams: bool, wants_logprobs: bool
) -> AsyncGenerator[Numbered, None]:
    """Each piece with the place of its request; raises the fault of a refused one; closing cancels what is open."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Numbered] = asyncio.Queue()
    cancels: list[Callable[[], None]] = []

    def deliver_to(index: int) -> Callable[[Piece], None]:
        def deliver(piece: Piece) -> None:
            loop.call_soon_threadsafe(arrived.put_nowait, (index, piece))

        return deliver

    try:
        for index, request in enumerate(asked):
            deliver = deliver_to(index)
            cancels.append(scheduler.submit(request, deliver, streams=streams, wants_logprobs=wants_logprobs))
        open_count = len(asked)
        while open_count:
            index, piece = await arrived.get()
            if piece.fault is not None:
                raise piece.fault
            open_count -= piece.answer is not None
            yield index, piece
    finally:
        for cancel in cancels:
            cancel()
