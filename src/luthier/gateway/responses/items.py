"""What a response is made of: messages, refusals and function calls, told alike at once and as they come."""

from dataclasses import dataclass, field
from typing import Literal

from luthier.gateway.answers import JsonObject, Usage

Kind = Literal["output_text", "refusal", "function_call"]
_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}


@dataclass
class OutputItem:
    """One item of the output: a message of one part, or a function call."""

    kind: Kind
    answer_id: str
    index: int
    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The item's id: the same however the answer is told."""
        prefix = "fc" if self.kind == "function_call" else "msg"
        return f"{prefix}_{self.answer_id.removeprefix('resp_')}_{self.index}"

    @property
    def text(self) -> str:
        """What was said, declined, or given to the function, so far."""
        return "".join(self.pieces)

    def told(self, status: str, *, is_empty: bool = False) -> JsonObject:
        """The item as clients read it; empty before any of it was told."""
        if self.kind == "function_call":
            called = {"call_id": self.call_id, "name": self.name, "arguments": "" if is_empty else self.text}
            return {"id": self.id, "type": "function_call", "status": status, **called}
        content = [] if is_empty else [self.part()]
        return {"id": self.id, "type": "message", "role": "assistant", "status": status, "content": content}

    def part(self, *, is_empty: bool = False) -> JsonObject:
        """The one part of a message."""
        text = "" if is_empty else self.text
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def ending_of(reason: str | None) -> JsonObject:
    """How a response ends, by the reason that the back end gives."""
    if reason in _CUT:
        return {"status": "incomplete", "incomplete_details": {"reason": _CUT[reason]}}
    return {"status": "completed", "incomplete_details": None}


def usage_of(usage: Usage) -> JsonObject:
    """Tokens as the Responses API writes them; clients need its details, and nothing is priced as cached or thought."""
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt + usage.completion,
    }
