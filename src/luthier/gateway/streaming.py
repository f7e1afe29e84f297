"""An answer on its way as server-sent events: checked as it passes, kept before its end is told."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

import orjson

from luthier.gateway.answers import BackendDown, JsonObject, Said, Usage
from luthier.gateway.chat import Chat, Served
from luthier.gateway.faults import HttpFault
from luthier.gateway.guards.stream import Held

MOST_CHARACTERS = 2_000_000


@dataclass
class Choice:
    """One choice of a stream: what it said so far, and what is held of it."""

    held: Held | None
    said: list[str] = field(default_factory=list)
    has_begun: bool = False


@dataclass
class Streamed:
    """One stream: its frame, its choices and its tokens."""

    chat: Chat
    served: Served
    frame: JsonObject
    choices: dict[int, Choice] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    size: int = 0
    sent: int = 0

    @property
    def text(self) -> str:
        """What the first choice said."""
        first = self.choices.get(0)
        return "".join(first.said) if first else ""

    async def events(self, chunks: AsyncGenerator[Said, None]) -> AsyncGenerator[bytes, None]:
        """The events; whatever way this ends, what was said is kept, and before the client is told the end."""
        error: str | None = "client_closed"
        try:
            async with aclosing(chunks):
                async for said in chunks:
                    if event := self._event(said):
                        self.sent += 1
                        yield event
            error = None
        except BackendDown as fault:
            error = f"back end lost: {fault}"
        finally:
            if error == "client_closed":
                self._keep(error)
        try:
            self._keep(error)
        except HttpFault as fault:
            yield self.failure(fault)
            return
        if error is not None:
            yield self.failure(HttpFault(502, "the back end stopped while it answered", code="upstream_lost"))
            return
        yield self.ending()

    def told(self, choices: list[JsonObject]) -> bytes:
        """What the client is told of one chunk's choices."""
        return event_of({**self.frame, "choices": choices})

    def failure(self, fault: HttpFault) -> bytes:
        """How the client is told that no more will come."""
        return event_of(fault.body())

    def ending(self) -> bytes:
        """How the client is told that this was all."""
        done = b"data: [DONE]\n\n"
        if self.served.request.wants_usage:
            return event_of({**self.frame, "choices": [], "usage": self.usage.told}) + done
        return done

    def _keep(self, error: str | None) -> None:
        self.chat.keep(self.served, self.text, self.usage, error=error)

    def _event(self, said: Said) -> bytes | None:
        if said.usage.prompt or said.usage.completion:
            self.usage = said.usage
        told = [shown for choice in said.choices if (shown := self._choice(choice)) is not None]
        return self.told(told) if told else None

    def _choice(self, choice: JsonObject) -> JsonObject | None:
        """What the client is told of one choice of a chunk; None where all of it is held."""
        index = choice.get("index", 0)
        state = self.choices.get(index)
        if state is None:
            state = self.choices[index] = Choice(self.served.checked.held())
        is_chat = "delta" in choice
        came = (choice["delta"]["content"] if is_chat else choice["text"]) or ""
        self._count(came)
        state.said.append(came)
        ends = choice.get("finish_reason") is not None
        text = _passed(state.held, came, ends=ends)
        if not is_chat:
            return choice | {"text": text} if text or ends or not came else None
        return self._delta(choice, state, came, text)

    def _delta(self, choice: JsonObject, state: Choice, came: str, text: str) -> JsonObject | None:
        delta = {name: value for name, value in choice["delta"].items() if name != "content"}
        if text or (not came and not delta):
            delta["content"] = text
        if not state.has_begun:
            state.has_begun = True
            delta = {"role": "assistant", "content": "", **delta}
        if not delta and choice.get("finish_reason") is None:
            return None
        logprobs = choice.get("logprobs") if text == came else None  # they would tell what is held or taken out
        return {
            "index": choice.get("index", 0), "delta": delta, "finish_reason": choice.get("finish_reason"),
            "logprobs": logprobs,
        }  # fmt: skip

    def _count(self, came: str) -> None:
        self.size += len(came)
        if self.size > MOST_CHARACTERS:
            raise BackendDown("too long an answer")


def _passed(held: Held | None, came: str, *, ends: bool) -> str:
    if held is None:
        return came
    text = held.feed(came) if came else ""
    return text + held.end() if ends else text


def event_of(body: JsonObject | dict[str, dict[str, str | None]]) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(body) + b"\n\n"
