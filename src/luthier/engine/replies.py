"""What OpenAI's clients read: whole completions, and the chunks of a stream."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from luthier.domain.answers import Answer
from luthier.variants.engines.base import Piece

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Style:
    """How one HTTP request is answered: chat or plain, under which id and model name."""

    id: str
    model: str
    created: int
    is_chat: bool
    wants_usage: bool = False
    choices_per_prompt: int = 1
    token_texts: dict[int, str] = field(default_factory=dict)
    """Texts of the tokens whose log-probabilities are told."""

    def completion(self, pieces: Sequence[Piece]) -> JsonObject:
        """The whole answer, one choice per piece."""
        kind = "chat.completion" if self.is_chat else "text_completion"
        choices = [self._choice(index, piece) for index, piece in enumerate(pieces)]
        return {**self._head(kind), "choices": choices, "usage": self.usage(pieces)}

    def opening(self, count: int) -> Iterator[str]:
        """The first event of each choice of a chat stream."""
        if self.is_chat:
            for index in range(count):
                yield self._chunk(index, {"delta": {"role": "assistant", "content": ""}}, None)

    def events(self, index: int, piece: Piece) -> Iterator[str]:
        """The events that one piece of news becomes."""
        if piece.text:
            yield self._chunk(index, {"delta": {"content": piece.text}} if self.is_chat else {"text": piece.text}, None)
        if piece.answer is not None:
            yield self._chunk(index, {"delta": {}} if self.is_chat else {"text": ""}, piece.answer.finish_reason)

    def ending(self, pieces: Sequence[Piece]) -> Iterator[str]:
        """The usage where it was asked for, and the mark that ends a stream."""
        if self.wants_usage:
            yield event({**self._head(self._chunk_kind), "choices": [], "usage": self.usage(pieces)})
        yield "data: [DONE]\n\n"

    def usage(self, pieces: Sequence[Piece]) -> JsonObject:
        """Tokens of all choices; a prompt counts once however many choices it has."""
        answers = [piece.answer or Answer(text=None) for piece in pieces]
        prompt = sum(answer.prompt_tokens for answer in answers[:: self.choices_per_prompt])
        completion = sum(answer.completion_tokens for answer in answers)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    @property
    def _chunk_kind(self) -> str:
        return "chat.completion.chunk" if self.is_chat else "text_completion"

    def _head(self, kind: str) -> JsonObject:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _choice(self, index: int, piece: Piece) -> JsonObject:
        answer = piece.answer or Answer(text=None)
        said: JsonObject = {"text": answer.text}
        if self.is_chat:
            said = {"message": {"role": "assistant", "content": answer.text, "refusal": None}}
        return {"index": index, **said, "logprobs": self._logprobs(piece), "finish_reason": answer.finish_reason}

    def _logprobs(self, piece: Piece) -> JsonObject | None:
        if not piece.logprobs:
            return None
        texts = [self.token_texts[token] for token in piece.token_ids]
        told = [
            {"token": text, "logprob": logprob, "bytes": list(text.encode()), "top_logprobs": []}
            for text, logprob in zip(texts, piece.logprobs, strict=True)
        ]
        return {"content": told, "refusal": None}

    def _chunk(self, index: int, said: JsonObject, reason: str | None) -> str:
        choice = {"index": index, **said, "logprobs": None, "finish_reason": reason}
        return event({**self._head(self._chunk_kind), "choices": [choice]})


def event(value: JsonObject) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"
