"""A back end that fails in every way a back end can, by the name of the model it is asked for."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def completion(said: str | dict[str, object], finish: str = "stop") -> bytes:
    message = {"content": said} if isinstance(said, str) else said
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": USAGE}).encode()


def joined(deltas: list[dict[str, Any]]) -> dict[str, object]:
    """The message that the pieces of a stream come to."""
    told: dict[str, Any] = {"content": "".join(delta.get("content", "") for delta in deltas) or ""}
    if refusal := "".join(delta.get("refusal", "") for delta in deltas):
        told |= {"content": None, "refusal": refusal}
    calls: dict[int, Any] = {}
    for piece in [piece for delta in deltas for piece in delta.get("tool_calls", ())]:
        call = calls.setdefault(piece["index"], {"type": "function", "function": {"arguments": ""}})
        call["id"] = piece.get("id", call.get("id"))
        call["function"]["name"] = piece["function"].get("name", call["function"].get("name"))
        call["function"]["arguments"] += piece["function"]["arguments"]
    return told | ({"tool_calls": list(calls.values())} if calls else {})


def answer(status: str, body: bytes, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def event(**choice: object) -> bytes:
    data = b"data: " + json.dumps({"choices": [{"index": 0, "finish_reason": None, **choice}]}).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Faulty:
    """The back end: what it was asked, and how many clients left it."""

    asked: list[dict[str, object]] = field(default_factory=list)
    left: int = 0
    texts: dict[str, list[str]] = field(default_factory=dict)
    """Model -> the pieces that its stream, or the text that its answer, is made of."""

    deltas: dict[str, tuple[list[dict[str, Any]], str]] = field(default_factory=dict)
    """Model -> what its stream is made of where that is more than text, and why it ends."""

    async def serve(self, reader: Reader, writer: Writer) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                self.asked.append(body)
                if not await self._behave(str(body["model"]), reader, writer, body=body):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _behave(self, model: str, reader: Reader, writer: Writer, *, body: dict[str, object]) -> bool:
        deed: Callable[[Reader, Writer], Awaitable[bool]] | None = getattr(self, f"_{model}", None)
        if deed is not None:
            return await deed(reader, writer)
        pieces = self.texts.get(model, [f"{model}: ok"])
        deltas, finish = self.deltas.get(model, ([{"content": piece} for piece in pieces], "stop"))
        if body.get("stream"):
            writer.write(STREAM + b"".join(event(delta=delta) for delta in deltas))
            told = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\ndata: [DONE]\n\n"
            writer.write(event(delta={}, finish_reason=finish) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(told), told))
        else:
            writer.write(answer("200 OK", completion(joined(deltas), finish)))
        return True

    async def _vectors(self, _reader: Reader, writer: Writer) -> bool:
        body = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": USAGE}
        writer.write(answer("200 OK", json.dumps(body).encode()))
        return True

    async def _reset(self, _reader: Reader, writer: Writer) -> bool:
        writer.transport.abort()
        return False

    async def _reset_mid_stream(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(STREAM + event(delta={"content": "so far"}))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        return False

    async def _busy(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(answer("429 Too Many Requests", b"{}", "retry-after: 7"))
        return True

    async def _broken(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(answer("500 Internal Server Error", b"oops"))
        return True

    async def _slow(self, reader: Reader, writer: Writer) -> bool:
        for sign in answer("200 OK", completion("never")):
            writer.write(bytes([sign]))
            await asyncio.sleep(0.5)
        return True

    async def _hangs(self, reader: Reader, _writer: Writer) -> bool:
        await reader.read()
        self.left += 1
        return False

    async def _hangs_in_stream(self, reader: Reader, writer: Writer) -> bool:
        writer.write(STREAM + event(delta={"content": "so far"}))
        await reader.read()
        self.left += 1
        return False

    async def _torn_json(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(answer("200 OK", completion("torn")[:-9]))
        return True

    async def _torn_body(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(answer("200 OK", completion("torn"))[:-9])
        await writer.drain()
        return False

    async def _torn_events(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(STREAM + event(delta={"content": "so far"}) + b'9\r\ndata: {"c\r\n0\r\n\r\n')
        return True

    async def _long_line(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(STREAM + event(delta={"content": "so far"}) + event(delta={"content": "x" * 10_000_000}))
        return True

    async def _no_http(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(b"SSH-2.0-OpenSSH_9.7\r\n")
        return True

    async def _no_completion(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(answer("200 OK", b'{"choices": [{"message": "hello"}]}'))
        return True

    async def _one_then_closed(self, _reader: Reader, writer: Writer) -> bool:
        writer.write(answer("200 OK", completion("ok")))
        await writer.drain()
        return False


@contextmanager
def failing(faulty: Faulty) -> Iterator[str]:
    """The base URL of the back end for as long as the block lasts."""
    loop, begun, ports = asyncio.new_event_loop(), threading.Event(), list[int]()
    servers: list[asyncio.Server] = []

    async def run() -> None:
        server = await asyncio.start_server(faulty.serve, "127.0.0.1", 0, limit=32_000_000)
        servers.append(server)
        ports.append(server.sockets[0].getsockname()[1])
        begun.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(run()), loop.run_forever()), daemon=True)
    thread.start()
    assert begun.wait(20)
    try:
        yield f"http://127.0.0.1:{ports[0]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        servers[0].close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()
