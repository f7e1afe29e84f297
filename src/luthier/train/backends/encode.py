"""Conversations as token ids, with the tokens that count for the loss marked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import Faults, UserError
from luthier.train.config import TrainConfig
from luthier.train.types import Conversation
from luthier.variants.engines.texts import defused

GENERATION_MARKER = re.compile(r"\{%-?\s*generation\b")
END_MARKERS = ("<|im_end|>", "<|eot_id|>")
LISTED_AT_MOST = 10


@dataclass(frozen=True)
class Encoded:
    """One conversation as the model reads it; `is_target` marks the tokens to be learned."""

    id: str
    tokens: tuple[int, ...]
    is_target: tuple[bool, ...]

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The tokens as an array."""
        return np.array(self.tokens, dtype=np.int64)

    @cached_property
    def targets(self) -> NDArray[np.int64]:
        """Positions of the tokens to be learned; nothing predicts the first one."""
        return np.flatnonzero(np.array((False, *self.is_target[1:])))


@dataclass(frozen=True)
class EncodedSet:
    """Conversations ready to train on, and how many were left out for being too long."""

    rows: list[Encoded]
    too_long: int

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(row.tokens) for row in self.rows]


def encode_all(
    tokenizer: Any, conversations: Sequence[Conversation], config: TrainConfig, *, context_tokens: int, name: str
) -> EncodedSet:
    """Every conversation encoded; all that cannot be trained on are told at once, by id."""
    rows = encode(tokenizer, conversations, config)
    longest = min(context_tokens, config.max_tokens_per_example or context_tokens)
    faults = [f"{row.id!r} has no token to be learned" for row in rows if not any(row.is_target[1:])]
    fitting = [row for row in rows if len(row.tokens) <= longest]
    if config.too_long == "refuse":
        faults += [f"{r.id!r} has {len(r.tokens)} tokens, {longest} fit" for r in rows if len(r.tokens) > longest]
    if not fitting:
        faults.append(f"no conversation fits into {longest} tokens")
    if faults:
        more = [f"and {len(faults) - LISTED_AT_MOST} more"] if len(faults) > LISTED_AT_MOST else []
        hint = "shorten them, raise train.max_tokens_per_example, or set train.too_long to drop"
        raise Faults(f"the {name} set", [*faults[:LISTED_AT_MOST], *more], hint=hint)
    return EncodedSet(rows=fitting, too_long=len(rows) - len(fitting))


def encode(tokenizer: Any, conversations: Sequence[Conversation], config: TrainConfig) -> list[Encoded]:
    """Each conversation through the model's own chat template, the same that answers will be asked through."""
    if config.loss_on == "final_turn":
        asked = [_rendered(tokenizer, row, answered=False) for row in conversations]
        whole = [_rendered(tokenizer, row, answered=True) for row in conversations]
        if all(text.startswith(question) for text, question in zip(whole, asked, strict=True)):
            return _final_turns(tokenizer, conversations, asked, whole)
    if GENERATION_MARKER.search(str(tokenizer.chat_template)):
        return [_by_markers(tokenizer, row, config) for row in conversations]
    raise UserError(
        "the chat template does not show which text is the assistant's",
        hint="add {% generation %} markers to the template, or set train.loss_on to final_turn",
    )


def _final_turns(
    tokenizer: Any, conversations: Sequence[Conversation], asked: Sequence[str], whole: Sequence[str]
) -> list[Encoded]:
    """Question and answer tokenized apart, since a served model sees the question's tokens and writes the answer's."""
    answers = [text[len(question) :] for text, question in zip(whole, asked, strict=True)]
    questions = tokenizer(list(asked), add_special_tokens=False)["input_ids"]
    ends = end_tokens(tokenizer)
    rows = []
    for row, question, said in zip(
        conversations, questions, tokenizer(answers, add_special_tokens=False)["input_ids"], strict=True
    ):
        last = next((at for at, token in enumerate(said) if token in ends), len(said) - 1)
        answer = said[: last + 1]  # what the template adds after the end of the turn is never generated
        is_target = (False,) * len(question) + (True,) * len(answer)
        rows.append(Encoded(row.id, (*question, *answer), is_target))
    return rows


def _by_markers(tokenizer: Any, conversation: Conversation, config: TrainConfig) -> Encoded:
    found = tokenizer.apply_chat_template(
        _plain(tokenizer, conversation), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    mask = tuple(bool(bit) for bit in found["assistant_masks"])
    is_target = _last_stretch(mask) if config.loss_on == "final_turn" else mask
    return Encoded(conversation.id, tuple(found["input_ids"]), is_target)


def _rendered(tokenizer: Any, conversation: Conversation, *, answered: bool) -> str:
    turns = _plain(tokenizer, conversation)
    shown = turns if answered else turns[:-1]
    return str(tokenizer.apply_chat_template(shown, tokenize=False, add_generation_prompt=not answered))


def _plain(tokenizer: Any, conversation: Conversation) -> list[dict[str, str]]:
    turns = defused(tokenizer, conversation.messages)
    return [{"role": message.role, "content": message.content} for message in turns]


def end_tokens(tokenizer: Any) -> set[int]:
    """Tokens that end an answer."""
    vocabulary = tokenizer.get_vocab()
    return {tokenizer.eos_token_id, *(vocabulary[marker] for marker in END_MARKERS if marker in vocabulary)}


def _last_stretch(mask: tuple[bool, ...]) -> tuple[bool, ...]:
    """The mask with all but its last unbroken stretch cleared."""
    starts = compress(range(len(mask)), (hit and not before for hit, before in zip(mask, (False, *mask), strict=False)))
    start = max(starts, default=len(mask))
    return tuple(hit and at >= start for at, hit in enumerate(mask))
