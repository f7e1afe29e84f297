"""Connections to back ends: what is kept, and that nothing of it outlives the pool."""

import asyncio
from contextlib import suppress

import pytest

from luthier.gateway.http import client
from luthier.gateway.http.client import Origin, Pool

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END_MARK = b"e\r\ndata: [DONE]\n\n\r\n"


def test_a_stream_whose_last_bytes_never_come_is_dropped_with_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "END_SECONDS", 60.0)

    async def main() -> bool:
        left = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD + END_MARK)  # and never the chunk of no bytes that ends it
            with suppress(ConnectionResetError):
                await reader.read()
            left.set()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pool = Pool(Origin.of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        wire = await pool.take()
        wire.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", wants_whole=False)
        while b"[DONE]" not in wire.take():
            await wire.wait()
        wire.has_said_all = True
        pool.give(wire)
        pool.close()
        try:
            async with asyncio.timeout(10):
                await left.wait()
        except TimeoutError:
            return False
        finally:
            server.close()
        return True

    assert asyncio.run(main())
