"""A response on its way as typed events: the checked stream of the chat, told in OpenAI's order."""

from dataclasses import dataclass, field

import orjson

from luthier.gateway.answers import BackendDown, JsonObject
from luthier.gateway.faults import HttpFault
from luthier.gateway.responses.calls import Call, Spoken
from luthier.gateway.responses.items import Kind, OutputItem, ending_of, usage_of
from luthier.gateway.streaming import Streamed


@dataclass
class ResponseStreamed(Streamed):
    """One stream: the items told so far, which of them are open, and how many events went out."""

    items: list[OutputItem] = field(default_factory=list)
    message: OutputItem | None = None
    call: OutputItem | None = None
    call_index: int | None = None
    finish: str | None = None
    number: int = 0

    def told(self, choices: list[JsonObject]) -> bytes:
        """The events that one chunk comes to; a response has one choice."""
        events = self._begun()
        for choice in choices:
            if choice["index"] == 0:
                self.finish = choice["finish_reason"] or self.finish
                events += self._spoken(Spoken.of(choice["delta"]))
        return b"".join(events)

    def failure(self, fault: HttpFault) -> bytes:
        """The response that failed, with what was told of it."""
        error = {"code": "server_error", "message": fault.message}
        return b"".join([*self._begun(), self._last({"status": "failed", "error": error})])

    def ending(self) -> bytes:
        """Every open item closed, then the whole response."""
        events = self._begun()
        if not self.items:
            self.message = self._item("output_text")
            events += self._added(self.message)
        events += self._closed(self.message) + self._closed(self.call)
        return b"".join([*events, self._last(ending_of(self.finish))])

    def _begun(self) -> list[bytes]:
        if self.number:
            return []
        return [
            self._event_of("response.created", response=self.frame),
            self._event_of("response.in_progress", response=self.frame),
        ]

    def _spoken(self, spoken: Spoken) -> list[bytes]:
        events: list[bytes] = []
        if spoken.content:
            events += self._said_more("output_text", spoken.content)
        if spoken.refusal:
            events += self._said_more("refusal", spoken.refusal)
        for call in spoken.tool_calls or ():
            events += self._called(call)
        return events

    def _said_more(self, kind: Kind, text: str) -> list[bytes]:
        events: list[bytes] = []
        if self.message is None or self.message.kind != kind:
            events += self._closed(self.message)
            self.message = self._item(kind)
            events += self._added(self.message)
        self.message.pieces.append(text)
        return [*events, self._of_part(self.message, f"response.{kind}.delta", delta=text, **_probs(kind))]

    def _called(self, call: Call) -> list[bytes]:
        """A call that begins closes what is open; a piece of one that was closed is no stream of OpenAI's."""
        events: list[bytes] = []
        if self.call is None or call.index != self.call_index:
            if (
                call.id is None
                or call.function.name is None
                or (self.call_index is not None and call.index < self.call_index)
            ):
                raise BackendDown("no completion")
            events += self._closed(self.message) + self._closed(self.call)
            self.message, self.call_index = None, call.index
            self.call = self._item("function_call", call.id, call.function.name)
            events += self._added(self.call)
        if piece := call.function.arguments:
            self.call.pieces.append(piece)
            events.append(self._of_item(self.call, "response.function_call_arguments.delta", delta=piece))
        return events

    def _item(self, kind: Kind, call_id: str = "", name: str = "") -> OutputItem:
        item = OutputItem(kind, self.served.id, len(self.items), call_id, name)
        self.items.append(item)
        return item

    def _added(self, item: OutputItem) -> list[bytes]:
        told = item.told("in_progress", is_empty=True)
        events = [self._event_of("response.output_item.added", output_index=item.index, item=told)]
        if item.kind != "function_call":
            events.append(self._of_part(item, "response.content_part.added", part=item.part(is_empty=True)))
        return events

    def _closed(self, item: OutputItem | None) -> list[bytes]:
        if item is None:
            return []
        status = ending_of(self.finish)["status"]
        if item.kind == "function_call":
            named = "response.function_call_arguments.done"
            events = [self._of_item(item, named, name=item.name, arguments=item.text)]
        else:
            text = {"refusal" if item.kind == "refusal" else "text": item.text, **_probs(item.kind)}
            events = [
                self._of_part(item, f"response.{item.kind}.done", **text),
                self._of_part(item, "response.content_part.done", part=item.part()),
            ]
        done = self._event_of("response.output_item.done", output_index=item.index, item=item.told(status))
        return [*events, done]

    def _last(self, ending: JsonObject) -> bytes:
        status = ending["status"]
        output = [item.told("completed" if status == "completed" else "incomplete") for item in self.items]
        response = {**self.frame, **ending, "output": output, "usage": usage_of(self.usage)}
        return self._event_of(f"response.{status}", response=response)

    def _of_part(self, item: OutputItem, name: str, /, **more: object) -> bytes:
        return self._of_item(item, name, content_index=0, **more)

    def _of_item(self, item: OutputItem, name: str, /, **more: object) -> bytes:
        return self._event_of(name, item_id=item.id, output_index=item.index, **more)

    def _event_of(self, name: str, /, **more: object) -> bytes:
        body = {"type": name, "sequence_number": self.number, **more}
        self.number += 1
        return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"


def _probs(kind: Kind) -> dict[str, object]:
    return {"logprobs": []} if kind == "output_text" else {}
