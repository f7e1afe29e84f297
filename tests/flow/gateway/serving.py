"""Real HTTP for the gateway's tests: a back end of ten lines, ports in memory, servers on free ports."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route as HttpRoute

from luthier.domain.calls import ToolSpec
from luthier.domain.interactions import Feedback, Interaction
from luthier.domain.money import TokenPrice
from luthier.domain.routes import Route, RouteTable
from luthier.domain.variants import ModelRef, RetrievalRef, Variant
from luthier.gateway.app import Gateway
from luthier.gateway.config import GatewayConfig
from luthier.gateway.guards.personal import Vault
from luthier.gateway.process import listen, listening_socket
from luthier.variants.retrieval.documents import Passage

LONG = "word " * 200_000
"""An answer that no socket hands over in one piece."""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def route(name: str, *, prompt: str = "Be brief.") -> Route:
    variant = Variant(name=name, model=ModelRef(engine="local", id="m"), prompt=prompt)
    return Route(release_id=name, variant=variant, model=name)


@dataclass
class MemoryPorts:
    """The control plane in memory."""

    table: RouteTable
    known_tools: Sequence[ToolSpec] = ()
    interactions: list[Interaction] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=count)
    prices: TokenPrice = field(default_factory=TokenPrice)

    def model_name(self) -> str:
        return "crm"

    def routes(self) -> RouteTable:
        return self.table

    def authenticate(self, secret: str) -> str | None:
        return "app" if secret == "sk-right" else None

    def retrieve(self, retrieval: RetrievalRef, text: str) -> Sequence[Passage]:
        return ()

    def cleared(self, text: str) -> str:
        return text.replace("+44 20 7946 0000", "<PHONE_NUMBER>")

    def vault(self) -> Vault | None:
        return Vault()

    def tools(self) -> Sequence[ToolSpec]:
        return self.known_tools

    def record(self, interaction: Interaction) -> None:
        self.interactions.append(interaction)

    def record_feedback(self, feedback: Feedback) -> bool:
        known = any(item.id == feedback.interaction_id for item in self.interactions)
        if known:
            self.feedback.append(feedback)
        return known

    def price(self, variant: Variant, digest: str) -> TokenPrice:
        return self.prices

    def upstream_key(self, engine: str) -> str | None:
        return "sk-upstream"

    def now(self) -> datetime:
        return NOON

    def new_id(self) -> str:
        return str(next(self.ids))


async def _chat(request: Request) -> Response:
    body = await request.json()
    if body["model"] == "dead":
        return JSONResponse({"error": {"message": "out of memory", "code": "oom"}}, status_code=500)
    if len(body["messages"][-1]["content"]) > 10_000:
        error = {"message": "the prompt is too long", "code": "context_length_exceeded"}
        return JSONResponse({"error": error}, status_code=400)
    said = (
        LONG
        if body["model"] == "long"
        else f"{body['model']}: {body['messages'][-1]['content']} ({body['max_tokens']})"
    )
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    if not body["stream"]:
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        return JSONResponse({"choices": [choice], "usage": usage})
    return StreamingResponse(_events(said, usage), media_type="text/event-stream")


def _events(said: str, usage: dict[str, int]) -> Iterator[str]:
    for part in (said[:4], said[4:]):
        yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': part}, 'finish_reason': None}]})}\n\n"
    yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]})}\n\n"
    yield f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n"
    yield "data: [DONE]\n\n"


backend = Starlette(routes=[HttpRoute("/v1/chat/completions", _chat, methods=["POST"])])


@contextmanager
def listening(app: Starlette) -> Iterator[str]:
    """The base URL of `app` on a free loopback port, for as long as the block lasts."""
    with running(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none")) as url:
        yield url


@contextmanager
def running(config: uvicorn.Config) -> Iterator[str]:
    """The base URL of a server, for as long as the block lasts."""
    server = uvicorn.Server(config)
    started = threading.Event()
    original = server.startup

    async def startup(sockets: object = None) -> None:
        await original(sockets=sockets)
        started.set()

    server.startup = startup
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(20)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def answering(app: Gateway, config: GatewayConfig) -> Iterator[str]:
    """The base URL of a gateway on a free loopback port, for as long as the block lasts."""
    sock = listening_socket("127.0.0.1", 0)
    port = sock.getsockname()[1]
    begun, loops, stops = threading.Event(), list[asyncio.AbstractEventLoop](), list[asyncio.Event]()

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        stops.append(asyncio.Event())
        await listen(app, config, sock, stops[0], begun=begun.set)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert begun.wait(20)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loops[0].call_soon_threadsafe(stops[0].set)
        thread.join(30)
        assert not thread.is_alive()
