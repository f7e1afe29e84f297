"""How an answer is told: as OpenAI writes chat and text completions."""

from dataclasses import dataclass

from luthier.gateway.answers import JsonObject, Said
from luthier.gateway.chat import Chat, Served
from luthier.gateway.requests import ChatRequest, CompletionRequest
from luthier.gateway.streaming import Streamed


@dataclass(frozen=True, slots=True)
class CompletionForm:
    """One request with the id and the second of its answer."""

    asked: ChatRequest | CompletionRequest
    id: str
    created: int

    def whole(self, said: Said) -> JsonObject:
        """The body of an answer that is told at once."""
        is_chat = isinstance(self.asked, ChatRequest)
        for choice in said.choices:
            choice.setdefault("logprobs", None)
            if is_chat:
                choice["message"].setdefault("role", "assistant")
        frame = self._frame("chat.completion" if is_chat else "text_completion")
        return {**frame, "choices": said.choices, "usage": said.usage.told}

    def streamed(self, chat: Chat, served: Served) -> Streamed:
        """The events of an answer that is told as it comes."""
        is_chat = isinstance(self.asked, ChatRequest)
        return Streamed(chat, served, self._frame("chat.completion.chunk" if is_chat else "text_completion"))

    def _frame(self, kind: str) -> JsonObject:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.asked.model}
