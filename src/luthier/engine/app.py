"""The routes of a served model: OpenAI's, and vLLM's for adapters."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from luthier.engine.bodies import ChatBody, CompletionBody, DrawnBody, LoadAdapterBody, UnloadAdapterBody, parse_body
from luthier.engine.faults import BadParameter, BodyTooLarge, ModelNotFound, error_of, error_response
from luthier.engine.guard import Guard
from luthier.engine.news import Numbered, news_of
from luthier.engine.replies import Style, event
from luthier.engine.scheduler import Scheduler
from luthier.errors import Forbidden, LuthierError, NotFound
from luthier.variants.engines.base import EngineRequest, Piece, SteppedEngine
from luthier.variants.paths import inside

log = logging.getLogger(__name__)
MAX_BODY_BYTES = 4_000_000
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Surface:
    """One engine behind its routes."""

    engine: SteppedEngine
    scheduler: Scheduler
    base_names: tuple[str, ...]
    adapters_root: Path | None
    started: int
    folders: dict[str, Path] = field(default_factory=dict)
    """Where each adapter that was loaded over HTTP lies."""

    async def health(self, _request: Request) -> Response:
        """200 while the model's thread runs, else 503."""
        is_alive = self.scheduler.is_alive
        return JSONResponse({"status": "ok" if is_alive else "down"}, status_code=200 if is_alive else 503)

    async def models(self, _request: Request) -> Response:
        """The base model's names, then its adapters."""
        base = [self._card(name, parent=None) for name in self.base_names]
        tuned = [self._card(name, parent=self.base_names[0]) for name in self.engine.adapters]
        return JSONResponse({"object": "list", "data": base + tuned})

    async def model(self, request: Request) -> Response:
        """One model; 404 when it is not served."""
        name = request.path_params["name"]
        parent = self.base_names[0] if self._adapter(name) else None
        return JSONResponse(self._card(name, parent=parent))

    async def chat(self, request: Request) -> Response:
        """A chat completion, whole or streamed."""
        body = parse_body(ChatBody, await _read(request))
        if body.stream and body.logprobs:
            raise BadParameter(
                "'logprobs' is not supported in a stream", param="logprobs", code="unsupported_parameter"
            )
        asked = body.requests(self._adapter(body.model), **self._draws())
        style = Style(
            id=f"chatcmpl-{uuid4().hex}", model=body.model, created=int(time.time()), is_chat=True,
            wants_usage=body.wants_usage, choices_per_prompt=body.n or 1,
        )  # fmt: skip
        return await self._reply(body, asked, style, wants_logprobs=bool(body.logprobs))

    async def complete(self, request: Request) -> Response:
        """A plain completion, whole or streamed."""
        body = parse_body(CompletionBody, await _read(request))
        asked = body.requests(self._adapter(body.model), **self._draws())
        style = Style(
            id=f"cmpl-{uuid4().hex}", model=body.model, created=int(time.time()), is_chat=False,
            wants_usage=body.wants_usage, choices_per_prompt=body.n or 1,
        )  # fmt: skip
        return await self._reply(body, asked, style, wants_logprobs=False)

    async def load_adapter(self, request: Request) -> Response:
        """Loads an adapter from below the adapters' root; the same name and folder again changes nothing."""
        body = parse_body(LoadAdapterBody, await _read(request))
        if self.adapters_root is None:
            raise Forbidden("this engine loads no adapters over HTTP", hint="start it with --adapters-root")
        folder = inside(self.adapters_root, body.lora_path)
        is_loaded = body.lora_name in self.engine.adapters
        if body.lora_name in self.base_names or (is_loaded and self.folders.get(body.lora_name) != folder):
            raise BadParameter(
                f"{body.lora_name!r} is already the name of another model", param="lora_name", code="name_in_use"
            )
        if not is_loaded:
            await asyncio.wrap_future(self.scheduler.add_adapter(body.lora_name, folder))
            self.folders[body.lora_name] = folder
        return PlainTextResponse(f"Success: LoRA adapter '{body.lora_name}' added successfully.")

    async def unload_adapter(self, request: Request) -> Response:
        """Unloads an adapter; 404 when it is not loaded, 409 while a request uses it."""
        body = parse_body(UnloadAdapterBody, await _read(request))
        await asyncio.wrap_future(self.scheduler.remove_adapter(body.lora_name))
        self.folders.pop(body.lora_name, None)
        return PlainTextResponse(f"Success: LoRA adapter '{body.lora_name}' removed successfully.")

    async def _reply(
        self, body: DrawnBody, asked: Sequence[EngineRequest], style: Style, *, wants_logprobs: bool
    ) -> Response:
        streams = bool(body.stream)
        news = news_of(self.scheduler, asked, streams=streams, wants_logprobs=wants_logprobs)
        if streams:
            first = await anext(news)  # a refusal is raised here, before the status is sent
            return StreamingResponse(_events(style, first, news, len(asked)), media_type="text/event-stream")
        finished: dict[int, Piece] = {}
        async with aclosing(news):
            async for index, piece in news:
                finished[index] = piece
        pieces = [finished[index] for index in range(len(asked))]
        style.token_texts.update({token: self.engine.token_text(token) for each in pieces for token in each.token_ids})
        return JSONResponse(style.completion(pieces))

    def _adapter(self, name: str) -> str | None:
        if name in self.base_names:
            return None
        if name not in self.engine.adapters:
            raise ModelNotFound(f"no model is served as {name!r}", hint="list /v1/models")
        return name

    def _draws(self) -> dict[str, int]:
        """What the server decides for a request that leaves it open."""
        return {"drawn_seed": secrets.randbits(62), "context_tokens": self.engine.context_tokens}

    def _card(self, name: str, *, parent: str | None) -> dict[str, object]:
        return {
            "id": name, "object": "model", "created": self.started, "owned_by": "luthier", "parent": parent,
            "max_model_len": self.engine.context_tokens,
        }  # fmt: skip


def create_app(
    engine: SteppedEngine,
    *,
    base_names: Sequence[str],
    api_keys: Sequence[SecretStr] | None,
    adapters_root: Path | None = None,
    most_requests: int = 256,
) -> Starlette:
    """The ASGI app of one engine.

    Args:
        engine: Owned by the app's scheduler from start to stop; call it from nowhere else.
        base_names: Names of the base model; every adapter is served under its own name.
        api_keys: Keys that may call, or None where the caller has made sure that nobody else can reach the port.
        adapters_root: Folder below which adapters may be loaded over HTTP, or None to allow none.
        most_requests: Requests that may be open at once; more are told to come back with 429.

    """
    scheduler = Scheduler(engine, most_requests=most_requests)
    surface = Surface(engine, scheduler, tuple(base_names), adapters_root, int(time.time()))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        scheduler.start()
        yield
        await asyncio.to_thread(scheduler.stop, timeout_seconds=STOP_SECONDS)

    routes = [
        Route("/health", surface.health),
        Route("/v1/models", surface.models),
        Route("/v1/models/{name:path}", surface.model),
        Route("/v1/chat/completions", surface.chat, methods=["POST"]),
        Route("/v1/completions", surface.complete, methods=["POST"]),
        Route("/v1/load_lora_adapter", surface.load_adapter, methods=["POST"]),
        Route("/v1/unload_lora_adapter", surface.unload_adapter, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Guard, api_keys=api_keys)],
        exception_handlers={LuthierError: _refuse, HTTPException: _refuse_path, Exception: _report},
    )


async def _read(request: Request) -> bytes:
    held = bytearray()
    async for block in request.stream():
        held += block
        if len(held) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES:,} bytes")
    return bytes(held)


async def _events(
    style: Style, first: Numbered, news: AsyncGenerator[Numbered, None], count: int
) -> AsyncIterator[str]:
    """Server-sent events, from the opening of each choice to the end mark."""
    finished: dict[int, Piece] = {}
    for line in style.opening(count):
        yield line
    try:
        index, piece = first
        while True:
            for line in style.events(index, piece):
                yield line
            if piece.answer is not None:
                finished[index] = piece
            if len(finished) == count:
                break
            index, piece = await anext(news)
    except LuthierError as fault:
        yield event({"error": error_of(fault)})
        return
    finally:
        await news.aclose()
    for line in style.ending([finished[index] for index in range(count)]):
        yield line


async def _refuse(_request: Request, fault: Exception) -> Response:
    if not isinstance(fault, LuthierError):
        raise fault
    return error_response(fault)


async def _refuse_path(_request: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    refusal = NotFound("nothing answers at this path and method")
    refusal.http_status = status
    return error_response(refusal)


async def _report(_request: Request, fault: Exception) -> Response:
    error_id = uuid4().hex[:12]
    log.error("unexpected fault, error id %s", error_id, exc_info=fault)
    return error_response(LuthierError(f"the engine failed, error id {error_id}"))
