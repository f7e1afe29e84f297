"""Tokens to text as they come, ended by stop texts, and messages to tokens."""

from collections.abc import Sequence
from typing import Protocol

from luthier.domain.examples import Message
from luthier.errors import UserError

_UNFINISHED = "\ufffd"


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that is used here."""

    chat_template: str | None
    all_special_tokens: list[str]

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, add_generation_prompt: bool, tokenize: bool
    ) -> str:
        """The conversation in the model's own form."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Token ids of a text."""
        ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool) -> str:
        """Text of token ids."""
        ...


def prompt_ids(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """Token ids of the conversation up to where the answer starts."""
    if not tokenizer.chat_template:
        raise UserError("this model's tokenizer has no chat template", hint="use an instruction-tuned model")
    turns = [{"role": each.role, "content": each.content} for each in defused(tokenizer, messages)]
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return list(tokenizer.encode(text, add_special_tokens=False))


def defused(tokenizer: Tokenizer, messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages with a space inside every control token that stands in their text, so that no user can end a turn.

    Training must call it too, or the model would read the same row in two ways.
    """
    specials = sorted({each for each in tokenizer.all_special_tokens if len(each) > 1}, key=len, reverse=True)
    return tuple(
        each.model_copy(update={"content": text})
        if (text := _defused(each.content, specials)) != each.content
        else each
        for each in messages
    )


def _defused(text: str, specials: Sequence[str]) -> str:
    for special in specials:
        text = text.replace(special, f"{special[0]} {special[1:]}")
    return text


def text_of(tokenizer: Tokenizer, ids: list[int]) -> str:
    """The text of finished token ids, without control tokens."""
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


class TextStream:
    """The text of a growing answer: never half a character, never past a stop text, never part of one."""

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._stop = tuple(each for each in stop if each)
        self._ids: list[int] = []
        self._settled = self._seen = 0
        self._sent = 0
        self.text = ""
        self.is_stopped = False

    def push(self, token: int) -> None:
        """Takes the next token; may find a stop text, after which `text` ends before it."""
        self._ids.append(token)
        before = text_of(self._tokenizer, self._ids[self._settled : self._seen])
        now = text_of(self._tokenizer, self._ids[self._settled :])
        if len(now) > len(before) and not now.endswith(_UNFINISHED):
            self._grow(now[len(before) :])
            self._settled, self._seen = self._seen, len(self._ids)

    def close(self) -> None:
        """Takes what was held back because its last character was unfinished."""
        before = text_of(self._tokenizer, self._ids[self._settled : self._seen])
        self._grow(text_of(self._tokenizer, self._ids[self._settled :])[len(before) :])
        self._settled = self._seen = len(self._ids)

    def unsent(self, *, is_last: bool) -> str:
        """The text that nothing later can change and that was not returned before."""
        end = len(self.text) if is_last or self.is_stopped else len(self.text) - self._held()
        fresh, self._sent = self.text[self._sent : end], max(self._sent, end)
        return fresh

    def _grow(self, more: str) -> None:
        if self.is_stopped:
            return
        longest = max((len(stop) for stop in self._stop), default=0)
        start = max(0, len(self.text) - longest)
        self.text += more
        found = [place for stop in self._stop if (place := self.text.find(stop, start)) >= 0]
        if found:
            self.text, self.is_stopped = self.text[: min(found)], True

    def _held(self) -> int:
        """How many last characters could be the beginning of a stop text."""
        sizes = (size for stop in self._stop for size in range(1, len(stop)) if self.text.endswith(stop[:size]))
        return max(sizes, default=0)
