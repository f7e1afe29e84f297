"""The gateway's routes; every one needs a key except those in OPEN_PATHS."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from luthier.domain.interactions import Feedback
from luthier.gateway.chat import Chat
from luthier.gateway.config import GatewayConfig
from luthier.gateway.faults import HttpFault
from luthier.gateway.ports import Ports
from luthier.gateway.requests import ChatRequest, read_chat, read_feedback
from luthier.gateway.upstream import Piece

OPEN_PATHS = frozenset({"/health"})
Handler = Callable[[Request, str, str], Awaitable[Response]]


class Gateway:
    """The handlers, over one set of ports."""

    def __init__(self, ports: Ports, config: GatewayConfig) -> None:
        self._ports = ports
        self._config = config
        self._chat: Chat | None = None

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """One pool of connections to the back ends for as long as the app lives."""
        timeout = aiohttp.ClientTimeout(total=self._config.upstream_timeout_seconds, connect=5)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=256)) as session:
            self._chat = Chat(self._ports, session, keep_content=self._config.keep_content)
            yield

    def guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """`handler` behind the key check, with faults told in OpenAI's shape."""

        async def handle(request: Request) -> Response:
            request_id = f"chatcmpl-{self._ports.new_id()}"
            try:
                return await handler(request, self._caller(request), request_id)
            except HttpFault as fault:
                return fault.response(request_id)

        return handle

    def _caller(self, request: Request) -> str:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        caller = self._ports.authenticate(secret.strip()) if scheme.lower() == "bearer" and secret else None
        if caller is None:
            raise HttpFault(401, "no valid API key was given", code="invalid_api_key")
        return caller

    async def health(self, _request: Request) -> Response:
        """Whether this process can route; the one open path."""
        return JSONResponse({"status": "ok", "routes": self._ports.routes().version})

    async def models(self, _request: Request, _caller: str, request_id: str) -> Response:
        """The one model an application sees."""
        model = {"id": self._ports.model_name(), "object": "model", "created": 0, "owned_by": "luthier"}
        return JSONResponse({"object": "list", "data": [model]}, headers={"x-request-id": request_id})

    async def create_chat(self, request: Request, caller: str, request_id: str) -> Response:
        """A chat completion, whole or as a stream of server-sent events."""
        asked = read_chat(await self._body(request), max_messages=self._config.max_messages)
        headers = {"x-request-id": request_id}
        chat = self._running()
        if not asked.stream:
            release_id, piece = await chat.answer(asked, caller, request_id)
            headers["x-luthier-release"] = release_id
            return JSONResponse(self._completion(asked, piece, request_id), headers=headers)
        pieces = chat.pieces(asked, caller, request_id)
        first = await anext(pieces)  # a fault before the first piece is still an HTTP error
        events = self._events(asked, first, pieces, request_id)
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    async def create_feedback(self, request: Request, _caller: str, request_id: str) -> Response:
        """What a person or system says of one answer, by response id."""
        said = read_feedback(await self._body(request))
        feedback = Feedback(interaction_id=said.response_id, at=self._ports.now(), kind=said.kind, value=said.value)
        if not await self._ports.record_feedback(feedback):
            raise HttpFault(404, f"no response has the id {said.response_id!r}", code="response_not_found")
        return JSONResponse({"recorded": True}, status_code=201, headers={"x-request-id": request_id})

    def _running(self) -> Chat:
        if self._chat is None:
            raise HttpFault(503, "the gateway is starting", code="starting")
        return self._chat

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._config.max_body_bytes:
                limit = self._config.max_body_bytes
                raise HttpFault(413, f"the body is larger than {limit} bytes", code="body_too_large")
        return bytes(body)

    def _completion(self, asked: ChatRequest, piece: Piece, answer_id: str) -> dict[str, object]:
        message = {"role": "assistant", "content": piece.text}
        choice = {"index": 0, "message": message, "finish_reason": piece.finish_reason or "stop", "logprobs": None}
        return {**self._frame(asked, answer_id, "chat.completion"), "choices": [choice], "usage": _usage(piece)}

    def _frame(self, asked: ChatRequest, answer_id: str, kind: str) -> dict[str, object]:
        created = int(self._ports.now().timestamp())
        return {"id": answer_id, "object": kind, "created": created, "model": asked.model}

    async def _events(
        self, asked: ChatRequest, first: Piece, rest: AsyncIterator[Piece], answer_id: str
    ) -> AsyncIterator[bytes]:
        frame = self._frame(asked, answer_id, "chat.completion.chunk")
        usage = first
        yield _event({**frame, "choices": [_delta(first, role="assistant")]})
        try:
            async for piece in rest:
                usage = piece if piece.prompt_tokens else usage
                if piece.text or piece.finish_reason:
                    yield _event({**frame, "choices": [_delta(piece)]})
        except HttpFault as fault:
            yield _event(fault.body())
            return
        if asked.stream_options and asked.stream_options.include_usage:
            yield _event({**frame, "choices": [], "usage": _usage(usage)})
        yield b"data: [DONE]\n\n"


def create_app(ports: Ports, config: GatewayConfig) -> Starlette:
    """The gateway as an ASGI app."""
    gateway = Gateway(ports, config)
    routes = [
        Route("/health", gateway.health, methods=["GET"]),
        Route("/v1/models", gateway.guarded(gateway.models), methods=["GET"]),
        Route("/v1/chat/completions", gateway.guarded(gateway.create_chat), methods=["POST"]),
        Route("/v1/feedback", gateway.guarded(gateway.create_feedback), methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=gateway.lifespan)


def _usage(piece: Piece) -> dict[str, int]:
    total = piece.prompt_tokens + piece.completion_tokens
    return {
        "prompt_tokens": piece.prompt_tokens,
        "completion_tokens": piece.completion_tokens,
        "total_tokens": total,
    }


def _delta(piece: Piece, *, role: str | None = None) -> dict[str, object]:
    delta = {"role": role, "content": piece.text} if role else {"content": piece.text}
    return {"index": 0, "delta": delta, "finish_reason": piece.finish_reason, "logprobs": None}


def _event(body: dict[str, object] | dict[str, dict[str, str | None]]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"
