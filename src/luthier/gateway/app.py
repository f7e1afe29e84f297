"""The gateway's routes; every one needs a key except those in OPEN_PATHS."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal

import orjson

from luthier.domain.interactions import Feedback
from luthier.errors import LuthierError
from luthier.gateway.answers import Usage
from luthier.gateway.chat import Chat, Served
from luthier.gateway.config import GatewayConfig
from luthier.gateway.embeddings import Embeddings
from luthier.gateway.faults import HttpFault
from luthier.gateway.forms import CompletionForm
from luthier.gateway.http.intake import BadRequest
from luthier.gateway.http.messages import EVENTS, TEXT, Request, Response
from luthier.gateway.limits import Account, Accounts
from luthier.gateway.metrics import Metrics
from luthier.gateway.ports import Ports
from luthier.gateway.requests import (
    CompletionRequest,
    EmbeddingsRequest,
    FeedbackRequest,
    read,
    read_chat,
)
from luthier.gateway.responses.forms import ResponseForm
from luthier.gateway.responses.turns import read_response
from luthier.gateway.spool import SpoolFull
from luthier.gateway.streaming import Streamed

log = logging.getLogger("luthier.gateway")
OPEN_PATHS = frozenset({"/health"})
DAY_SECONDS = 86_400
ID_PREFIXES = {"/v1/responses": "resp_"}
Form = CompletionForm | ResponseForm
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Call:
    """One request with who makes it and under which id it is answered."""

    request: Request
    caller: str
    id: str
    account: Account


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Entry:
    """One route."""

    methods: frozenset[str]
    path: str
    handler: Handler


class Gateway:
    """The handlers, over one set of ports."""

    def __init__(self, ports: Ports, config: GatewayConfig) -> None:
        self._ports = ports
        self._config = config
        self.metrics = Metrics()
        self.accounts = Accounts(config.limits, config.key_limits, config.workers)
        self.chat = Chat(ports, config, self.metrics)
        self.embeddings = Embeddings(ports, config, self.metrics)
        get, post = frozenset({"GET"}), frozenset({"POST"})
        self.routes = (
            Entry(get, "/health", self._health),
            Entry(get, "/metrics", self._metrics),
            Entry(get, "/v1/models", self._models),
            Entry(post, "/v1/chat/completions", self._create_chat),
            Entry(post, "/v1/completions", self._create_completion),
            Entry(post, "/v1/responses", self._create_response),
            Entry(post, "/v1/embeddings", self._create_embeddings),
            Entry(post, "/v1/feedback", self._create_feedback),
        )
        self._by_path = {entry.path: entry for entry in self.routes}

    async def answer(self, request: Request) -> Response:
        """The response to any request; the last handler of the gateway."""
        path, began = request.path, time.perf_counter()
        request_id = ID_PREFIXES.get(path, "chatcmpl-") + self._ports.new_id()
        try:
            response = await self._answered(request, path, request_id)
        except HttpFault as fault:
            response = fault.response(request_id)
        except LuthierError as fault:
            response = HttpFault(503, fault.message, code=fault.code).response(request_id)
        except asyncio.CancelledError:
            raise
        except Exception as fault:  # the last handler: logged under the id that the client gets
            log.error("unexpected fault", exc_info=fault, extra={"request_id": request_id, "error_id": request_id})
            response = HttpFault(500, "the gateway failed; quote the request id", code="internal").response(request_id)
        path = path if path in self._by_path else "other"
        self.metrics.count("luthier_requests_total", path, str(response.status))
        if response.status >= 500:
            facts = {"request_id": request_id, "status": response.status, "path": path}
            log.warning("request failed", extra=facts | {"seconds": round(time.perf_counter() - began, 4)})
        return response

    def close(self) -> None:
        """Drop all idle connections to back ends."""
        self.chat.backends.close()
        self.embeddings.close()

    def refuse(self, fault: BadRequest) -> Response:
        """The response to bytes that are no request."""
        self.metrics.count("luthier_requests_total", "none", str(fault.status))
        return HttpFault(fault.status, str(fault), code=fault.code).response(f"chatcmpl-{self._ports.new_id()}")

    async def _answered(self, request: Request, path: str, request_id: str) -> Response:
        entry = self._by_path.get(path)
        is_open = entry is not None and entry.path in OPEN_PATHS
        caller = "" if is_open else self._caller(request)
        if entry is None:
            raise HttpFault(404, "nothing answers at this path", code="not_found")
        if request.method.decode("latin-1") not in entry.methods:
            raise HttpFault(405, "the path answers to another method", code="method_not_allowed")
        account = self.accounts.of(caller, time.monotonic())
        return await entry.handler(Call(request, caller, request_id, account))

    def _caller(self, request: Request) -> str:
        value = request.headers.get(b"authorization", b"")
        scheme, _, secret = value.partition(b" ")
        is_bearer = scheme.lower() == b"bearer" and 0 < len(secret) <= 512 and secret.isascii()
        caller = self._ports.authenticate(secret.decode("ascii").strip()) if is_bearer else None
        if caller is None:
            raise HttpFault(401, "no valid API key was given", code="invalid_api_key")
        return caller

    async def _health(self, _call: Call) -> Response:
        """Whether this process can route; the one open path."""
        return Response(200, orjson.dumps({"status": "ok", "routes": self._ports.routes().version}))

    async def _metrics(self, _call: Call) -> Response:
        """Prometheus' text, of this worker."""
        backends = self.chat.backends
        health = {
            f'{{backend="{address}",model="{model}"}}': float(word == "up")
            for (address, model), word in backends.health().items()
        }
        gauges = {
            "luthier_routes_version": ("Route table in force.", {"": float(self._ports.routes().version)}),
            "luthier_backend_up": ("Whether a model at a back end is asked.", health),
            "luthier_backend_requests_open": ("Requests under way at back ends.", {"": float(backends.open_count())}),
        }
        return Response(200, self.metrics.text(gauges), TEXT)

    async def _models(self, call: Call) -> Response:
        """The one model an application sees."""
        model = {"id": self._ports.model_name(), "object": "model", "created": 0, "owned_by": "luthier"}
        return Response(200, orjson.dumps({"object": "list", "data": [model]}), headers=_ids(call))

    async def _create_chat(self, call: Call) -> Response:
        """A chat completion, whole or as a stream of server-sent events."""
        self._admit(call)
        asked = read_chat(call.request.body, max_messages=self._config.max_messages)
        return await self._text(call, CompletionForm(asked, call.id, self._created()))

    async def _create_completion(self, call: Call) -> Response:
        """A text gone on with by the release's model, without its prompt."""
        self._admit(call)
        asked = read(CompletionRequest, call.request.body)
        return await self._text(call, CompletionForm(asked, call.id, self._created()))

    async def _create_response(self, call: Call) -> Response:
        """A chat completion, asked for and told in the form of the Responses API."""
        self._admit(call)
        request, asked = read_response(call.request.body, max_messages=self._config.max_messages)
        return await self._text(call, ResponseForm(request, asked, call.id, self._created()))

    async def _create_embeddings(self, call: Call) -> Response:
        """Vectors of texts, where the project names who makes them."""
        self._admit(call)
        body, tokens = await self.embeddings.answer(read(EmbeddingsRequest, call.request.body))
        call.account.spend(tokens, _NOTHING, self._day())
        return Response(200, body, headers=(*_ids(call), *call.account.headers()))

    async def _create_feedback(self, call: Call) -> Response:
        """What a person or system says of one answer, by response id."""
        said = read(FeedbackRequest, call.request.body)
        feedback = Feedback(interaction_id=said.response_id, at=self._ports.now(), kind=said.kind, value=said.value)
        try:
            is_known = self._ports.record_feedback(feedback)
        except (SpoolFull, OSError) as fault:
            raise HttpFault(503, "feedback cannot be recorded now", code="recording_unavailable") from fault
        if not is_known:
            raise HttpFault(404, f"no response has the id {said.response_id!r}", code="response_not_found")
        return Response(201, b'{"recorded":true}', headers=_ids(call))

    async def _text(self, call: Call, form: Form) -> Response:
        served = self.chat.begin(form.asked, call.caller, call.id)
        if form.asked.stream:
            served, chunks = await self.chat.stream(served)
            streamed = form.streamed(self.chat, served)
            told = (*_ids(call), (b"x-luthier-release", served.route.release), *call.account.headers())
            return Response(200, b"", EVENTS, told, self._counted(call, streamed, streamed.events(chunks)))
        answered = await self.chat.answer(served)
        self._spend(call, answered.served, answered.said.usage)
        told = (*_ids(call), (b"x-luthier-release", answered.served.route.release), *call.account.headers())
        return Response(200, orjson.dumps(form.whole(answered.said)), headers=told)

    async def _counted(
        self, call: Call, streamed: Streamed, events: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """The events; whatever way they end, what they took is counted."""
        try:
            async with aclosing(events):
                async for event in events:
                    yield event
        finally:
            self._spend(call, streamed.served, streamed.usage)
            self.metrics.count("luthier_stream_chunks_total", by=streamed.sent)

    def _admit(self, call: Call) -> None:
        call.account.admit(time.monotonic(), self._day())

    def _spend(self, call: Call, served: Served, usage: Usage) -> None:
        call.account.spend(usage.prompt + usage.completion, self.chat.cost(served, usage), self._day())

    def _created(self) -> int:
        return int(self._ports.now().timestamp())

    def _day(self) -> int:
        return int(self._ports.now().timestamp()) // DAY_SECONDS


def create_app(ports: Ports, config: GatewayConfig) -> Gateway:
    """The gateway over its ports."""
    return Gateway(ports, config)


def _ids(call: Call) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"x-request-id", call.id.encode()),)
