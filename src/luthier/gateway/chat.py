"""One request for text: from who asks, to which release answers, to what is kept of it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import TypeVar

import orjson

from luthier.domain.interactions import Arm, Interaction
from luthier.gateway.answers import BackendDown, BackendRefused, JsonObject, Said, Usage
from luthier.gateway.backends import CHAT, COMPLETIONS, Backends
from luthier.gateway.compiled import ReadyRoute, ReadyTable, body_of
from luthier.gateway.config import GatewayConfig
from luthier.gateway.faults import HttpFault
from luthier.gateway.guards.checks import Checked, check_in
from luthier.gateway.metrics import Metrics
from luthier.gateway.ports import Ports
from luthier.gateway.requests import ChatMessage, ChatRequest, CompletionRequest
from luthier.gateway.spool import SpoolFull

Request = ChatRequest | CompletionRequest
Came = TypeVar("Came")
NOTHING = Said()


@dataclass(frozen=True, slots=True)
class Served:
    """A request on its way: who asked, which route answers, since when."""

    id: str
    caller: str
    request: Request
    checked: Checked
    user_key: str
    arm: Arm
    route: ReadyRoute
    began: float

    @property
    def path(self) -> str:
        """Which of a back end's surfaces is asked."""
        return CHAT if isinstance(self.request, ChatRequest) else COMPLETIONS


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer, kept and ready to be sent."""

    served: Served
    said: Said


class Chat:
    """Answers by the newest route table; the fallback answers when a back end is dead."""

    def __init__(self, ports: Ports, config: GatewayConfig, metrics: Metrics) -> None:
        self._ports = ports
        self._config = config
        self._metrics = metrics
        self._ready: ReadyTable | None = None
        self.backends = Backends(config.backends, metrics, timeout_seconds=config.upstream_timeout_seconds)

    def ready(self) -> ReadyTable:
        """The newest table, rendered once."""
        table = self._ports.routes()
        if self._ready is None or self._ready.table is not table:
            self._ready = ReadyTable.of(
                table,
                tools=self._ports.tools(),
                policy=self._config.guards.policy,
                key_of=self._ports.upstream_key,
                first_users=self._config.first_users,
            )
        return self._ready

    def begin(self, request: Request, caller: str, request_id: str) -> Served:
        """The request, checked and given to the route that its user belongs to."""
        if request.model != self._ports.model_name():
            raise HttpFault(404, f"the model {request.model!r} does not exist", code="model_not_found", param="model")
        ready = self.ready()
        named = f"{ready.table.salt}\x00{caller}\x00{request.user or ''}"
        user_key = sha256(named.encode("utf-8", "replace")).hexdigest()[:32]
        arm, route = ready.route_for(user_key, (caller, request.user or caller))
        return Served(request_id, caller, request, self._checked(request), user_key, arm, route, time.perf_counter())

    async def answer(self, served: Served) -> Answered:
        """The whole answer, kept before it is returned."""
        served, said = await self._first_that_answers(served, self._said)
        self._clean(served, said)
        self._record(served, said)
        return Answered(served, self._restored(served, said))

    async def stream(self, served: Served) -> tuple[Served, AsyncGenerator[Said, None]]:
        """The route that answers and its chunks, the first of which has come; recording is the reader's."""
        return await self._first_that_answers(served, self._begun)

    def keep(self, served: Served, text: str, usage: Usage, *, error: str | None) -> None:
        """Record what a stream said."""
        said = Said([{"text": text}] if text else [], usage)
        if error is None:
            served.checked.shape_fault(text)
        if text:
            said.choices[0]["text"] = served.checked.cleaned(text)
        self._record(served, said, error=error)

    def _checked(self, request: Request) -> Checked:
        if isinstance(request, ChatRequest):
            asked = request
        else:  # the same checks on a text without turns
            turns = (ChatMessage(role="user", content=request.asked),)
            asked = ChatRequest(model=request.model, messages=turns)
        tools = self._ports.tools() if isinstance(request, ChatRequest) else ()
        guards = self._config.guards
        vault = self._ports.vault() if guards.restore_personal_data else None
        return check_in(asked, guards, self._metrics, self._ports.cleared, tools, vault=vault)

    async def _first_that_answers(
        self, served: Served, ask: Callable[[Served], Awaitable[Came]]
    ) -> tuple[Served, Came]:
        """What came of the request's own route or, where its back end is dead, of the fallback; failures are kept."""
        try:
            try:
                return served, await ask(served)
            except BackendDown as fault:
                served = self._fall_back(served, fault)
            try:
                return served, await ask(served)
            except BackendDown as fault:
                raise self._lost(served, fault) from fault
        except BackendRefused as fault:
            raise self._refused(served, fault) from fault
        except asyncio.CancelledError:
            self._record(served, NOTHING, error="client_closed", status_code=499)
            raise

    async def _said(self, served: Served) -> Said:
        said = await self.backends.complete(served.route, served.path, self._body(served, stream=False))
        return await self._repaired(served, said)

    async def _begun(self, served: Served) -> AsyncGenerator[Said, None]:
        chunks = self.backends.stream(served.route, served.path, self._body(served, stream=True))
        try:
            first = await anext(chunks)
        except StopAsyncIteration:
            raise BackendDown("no completion") from None
        return _from(first, chunks)

    def _body(self, served: Served, *, stream: bool, more: Sequence[JsonObject] = ()) -> bytes:
        request, route = served.request, served.route
        variant = route.route.variant
        parts = request.decoded(variant.decoding)
        if isinstance(request, CompletionRequest):
            if served.checked.messages[0].text != request.asked:
                parts["prompt"] = served.checked.messages[0].text
            else:
                parts["prompt"] = request.prompt
            body: dict[str, object] = {"model": route.route.model, **parts, "stream": stream}
            return orjson.dumps(body | ({"stream_options": {"include_usage": True}} if stream else {}))
        turns = served.checked.messages
        asked = next(turn.text for turn in reversed(turns) if turn.role == "user")
        passages = self._ports.retrieve(variant.retrieval, asked) if variant.retrieval else ()
        return body_of(route.route.model, parts, [*route.messages(turns, passages), *more], stream=stream)

    async def _repaired(self, served: Served, said: Said) -> Said:
        """The answer, or a second one where the first breaks its shape and one repair is wanted."""
        fault = served.checked.shape_fault(said.text)
        if fault is None or not isinstance(served.request, ChatRequest):
            return said
        guards = self._config.guards
        if guards.repair and len(said.choices) == 1:
            told = f"Your answer cannot be used: {fault}. Answer again, with nothing else."
            more: list[JsonObject] = [{"role": "assistant", "content": said.text}, {"role": "user", "content": told}]
            body = self._body(served, stream=False, more=more)
            second = await self._second(served, body)
            if second is not None:
                used = Usage(said.usage.prompt + second.usage.prompt, said.usage.completion + second.usage.completion)
                served.checked.marks.clear()
                fault, said = served.checked.shape_fault(second.text), Said(second.choices, used)
                self._metrics.count("luthier_guards_total", "repair", "failed" if fault else "repaired")
        if fault is not None and guards.shape == "block":
            self._record(served, said, error=f"blocked: {fault}")
            raise HttpFault(502, f"the answer cannot be used: {fault}", code="invalid_answer")
        return said

    async def _second(self, served: Served, body: bytes) -> Said | None:
        try:
            return await self.backends.complete(served.route, served.path, body)
        except (BackendDown, BackendRefused):
            return None

    def _clean(self, served: Served, said: Said) -> None:
        """Replace the text of every choice by what the checks leave of it."""
        for choice in said.choices:
            text = _text(choice)
            cleaned = served.checked.cleaned(text) if text else text
            if cleaned != text:
                _set(choice, cleaned)
                choice["logprobs"] = None  # they would tell what was taken out

    def _restored(self, served: Served, said: Said) -> Said:
        if served.checked.vault is not None:
            for choice in said.choices:
                if text := _text(choice):
                    _set(choice, served.checked.restored(text))
        return said

    def _fall_back(self, served: Served, fault: BackendDown) -> Served:
        fallback = self.ready().fallback
        error = f"back end down: {fault}"
        if fallback is None or fallback.route == served.route.route:
            self._record(served, NOTHING, error=error)
            raise HttpFault(
                503, "the back end is down and no other route is left", code="upstream_down",
                retry_seconds=fault.retry_seconds or 1,
            ) from fault  # fmt: skip
        self._record(replace(served, id=f"{served.id}-failed"), NOTHING, error=error)
        self._metrics.count("luthier_fallbacks_total", served.route.route.variant.model.engine)
        return replace(served, arm="fallback", route=fallback)

    def _lost(self, served: Served, fault: BackendDown) -> HttpFault:
        self._record(served, NOTHING, error=f"back end down: {fault}")
        return HttpFault(
            503, "the back end is down, the fallback too", code="upstream_down", retry_seconds=fault.retry_seconds or 1
        )

    def _refused(self, served: Served, fault: BackendRefused) -> HttpFault:
        self._record(served, NOTHING, error=f"refused: {fault.code}", status_code=fault.status)
        return HttpFault(fault.status, str(fault), code=fault.code, param=fault.param)

    def _record(self, served: Served, said: Said, *, error: str | None = None, status_code: int = 200) -> None:
        answered, latency = said.text, time.perf_counter() - served.began
        route, usage = served.route, said.usage
        keeps = self._config.keep_content
        interaction = Interaction(
            id=served.id,
            at=self._ports.now(),
            user_key=served.user_key,
            release_id=route.route.release_id,
            variant=route.digest,
            arm=served.arm,
            asked=_asked(served.checked) if keeps else None,
            answered=answered if keeps and not (error and not answered) else None,
            status_code=status_code if status_code != 200 else (502 if error else 200),
            latency_seconds=latency,
            prompt_tokens=usage.prompt,
            completion_tokens=usage.completion,
            cost=self.cost(served, usage),
            guards=served.checked.marks if error is None else {},
            error=error,
        )
        try:
            self._ports.record(interaction)
        except (SpoolFull, OSError) as fault:
            raise HttpFault(503, "what is served cannot be recorded now", code="recording_unavailable") from fault
        self._count(served, usage, latency, error)

    def _count(self, served: Served, usage: Usage, latency: float, error: str | None) -> None:
        release = served.route.route.release_id
        outcome = error.partition(":")[0] if error else "answered"
        self._metrics.count("luthier_answers_total", release, served.arm, outcome)
        self._metrics.count("luthier_tokens_total", release, "prompt", by=usage.prompt)
        self._metrics.count("luthier_tokens_total", release, "completion", by=usage.completion)
        self._metrics.observe("luthier_request_seconds", latency, served.arm)

    def cost(self, served: Served, usage: Usage) -> Decimal:
        """What an answer cost, at the price of its model."""
        price = self._ports.price(served.route.route.variant, served.route.digest)
        if not price.input_per_million and not price.output_per_million:
            return _FREE
        return price.of(usage.prompt, usage.completion).amount


_FREE = Decimal(0)


def _asked(checked: Checked) -> str:
    return next(message.text for message in reversed(checked.messages) if message.role == "user")


def _text(choice: dict[str, object]) -> str:
    message = choice.get("message")
    found = message.get("content") if isinstance(message, dict) else choice.get("text")
    return found if isinstance(found, str) else ""


def _set(choice: dict[str, object], text: str) -> None:
    message = choice.get("message")
    if isinstance(message, dict):
        message["content"] = text
    else:
        choice["text"] = text


async def _from(first: Said, rest: AsyncGenerator[Said, None]) -> AsyncGenerator[Said, None]:
    async with aclosing(rest):
        yield first
        async for said in rest:
            yield said
