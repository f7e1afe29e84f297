"""One chat completion: from who asks, to which release answers, to what is kept of it."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256

import aiohttp
from anyio import CancelScope

from luthier.domain.calls import parse_call
from luthier.domain.interactions import Arm, Interaction
from luthier.domain.routes import Route, RouteTable
from luthier.gateway.faults import HttpFault
from luthier.gateway.ports import Ports
from luthier.gateway.requests import ChatRequest
from luthier.gateway.upstream import Asked, BackendDown, BackendRefused, Piece, complete, stream
from luthier.variants.rendering import messages_for


@dataclass(frozen=True)
class Served:
    """A request on its way: who asked, which route answers, since when."""

    id: str
    request: ChatRequest
    user_key: str
    arm: Arm
    route: Route
    began: float


class Chat:
    """Answers chat requests by the newest route table; the fallback answers when a back end is dead."""

    def __init__(self, ports: Ports, session: aiohttp.ClientSession, *, keep_content: bool) -> None:
        self._ports = ports
        self._session = session
        self._keep_content = keep_content

    async def answer(self, request: ChatRequest, caller: str, request_id: str) -> tuple[str, Piece]:
        """The release that answered and its whole answer, durable before it is returned."""
        table, served = self._route(request, caller, request_id)
        try:
            piece = await complete(self._session, self._asked(table, served))
        except BackendDown as fault:
            served = await self._fall_back(table, served, fault)
            piece = await self._last_try(table, served)
        except BackendRefused as fault:
            raise await self._refused(served, fault) from fault
        await self._record(served, piece, error=None)
        return served.route.release_id, piece

    async def pieces(self, request: ChatRequest, caller: str, request_id: str) -> AsyncIterator[Piece]:
        """The answer as it comes; what was sent is durable before the stream ends."""
        table, served = self._route(request, caller, request_id)
        source = stream(self._session, self._asked(table, served))
        try:
            first = await anext(source)
        except BackendDown as fault:
            served = await self._fall_back(table, served, fault)
            first = await self._last_try(table, served)
            source = _nothing()
        except BackendRefused as fault:
            raise await self._refused(served, fault) from fault
        except StopAsyncIteration:
            first = Piece(finish_reason="stop")
        async for piece in self._kept(served, first, source):
            yield piece

    async def _kept(self, served: Served, first: Piece, source: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
        total, error = first, "client_closed"
        try:
            yield first
            async for piece in source:
                total = _joined(total, piece)
                yield piece
            error = ""
        except BackendDown as fault:
            error = f"back end lost: {fault}"
            raise HttpFault(502, "the back end stopped while it answered", code="upstream_lost") from fault
        finally:
            with CancelScope(shield=True):  # a client that leaves must not take the record with it
                await self._record(served, total, error=error or None)

    def _route(self, request: ChatRequest, caller: str, request_id: str) -> tuple[RouteTable, Served]:
        if request.model != self._ports.model_name():
            raise HttpFault(404, f"the model {request.model!r} does not exist", code="model_not_found", param="model")
        messages = tuple(
            message.model_copy(update={"content": self._ports.cleared(message.content)}) for message in request.messages
        )
        request = request.model_copy(update={"messages": messages})  # what a model was trained on is what it is asked
        table = self._ports.routes()
        user_key = sha256(f"{table.salt}\x00{caller}\x00{request.user or ''}".encode()).hexdigest()[:32]
        arm, route = table.route_for(user_key)
        return table, Served(request_id, request, user_key, arm, route, time.perf_counter())

    def _asked(self, table: RouteTable, served: Served) -> Asked:
        variant, request = served.route.variant, served.request
        question = request.messages
        text = next(message.content for message in reversed(question) if message.role == "user")
        passages = self._ports.retrieve(variant.retrieval, text) if variant.retrieval else ()
        engine = variant.model.engine
        base_url = table.backends.get(engine) or variant.model.base_url
        if base_url is None:
            raise HttpFault(503, f"no back end is up for engine {engine!r}", code="no_backend")
        return Asked(
            base_url=base_url,
            key=self._ports.upstream_key(engine),
            model=served.route.model,
            messages=messages_for(variant, question, passages, self._ports.tools()),
            decoding=request.decoding(variant.decoding),
        )

    async def _fall_back(self, table: RouteTable, served: Served, fault: BackendDown) -> Served:
        error = f"back end down: {fault}"
        if table.fallback is None or table.fallback == served.route:
            await self._record(served, Piece(), error=error)
            raise HttpFault(503, "the back end is down and no other route is left", code="upstream_down") from fault
        await self._record(replace(served, id=f"{served.id}-failed"), Piece(), error=error)
        return replace(served, arm="fallback", route=table.fallback)

    async def _last_try(self, table: RouteTable, served: Served) -> Piece:
        try:
            return await complete(self._session, self._asked(table, served))
        except BackendDown as fault:
            await self._record(served, Piece(), error=f"back end down: {fault}")
            raise HttpFault(503, "the back end is down, the fallback too", code="upstream_down") from fault
        except BackendRefused as fault:
            raise await self._refused(served, fault) from fault

    async def _refused(self, served: Served, fault: BackendRefused) -> HttpFault:
        await self._record(served, Piece(), error=f"refused: {fault.code}", status_code=fault.status)
        return HttpFault(fault.status, str(fault), code=fault.code)

    async def _record(self, served: Served, piece: Piece, *, error: str | None, status_code: int = 200) -> None:
        asked = next(message.content for message in reversed(served.request.messages) if message.role == "user")
        answered = None if error and not piece.text else piece.text
        await self._ports.record(
            Interaction(
                id=served.id,
                at=self._ports.now(),
                user_key=served.user_key,
                release_id=served.route.release_id,
                variant=served.route.variant.digest,
                arm=served.arm,
                asked=asked if self._keep_content else None,
                answered=answered if self._keep_content else None,
                status_code=status_code if status_code != 200 else (502 if error else 200),
                latency_seconds=time.perf_counter() - served.began,
                prompt_tokens=piece.prompt_tokens,
                completion_tokens=piece.completion_tokens,
                cost=Decimal(0),
                guards=self._guards(piece) if error is None else {},
                error=error,
            )
        )

    def _guards(self, piece: Piece) -> Mapping[str, bool]:
        tools = self._ports.tools()
        return {"valid_call": parse_call(piece.text, tools).fault is None} if tools else {}


def _joined(total: Piece, piece: Piece) -> Piece:
    return Piece(
        text=total.text + piece.text,
        finish_reason=piece.finish_reason or total.finish_reason,
        prompt_tokens=piece.prompt_tokens or total.prompt_tokens,
        completion_tokens=piece.completion_tokens or total.completion_tokens,
    )


async def _nothing() -> AsyncIterator[Piece]:
    return
    yield
