"""Conversations as token ids, with the tokens that count for the loss marked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luthier.errors import Faults, UserError
from luthier.train.config import TrainConfig
from luthier.train.types import Conversation

GENERATION_MARKER = re.compile(r"\{%-?\s*generation\b")
RENDERED_AT_ONCE = 512
LISTED_AT_MOST = 10


@dataclass(frozen=True)
class Encoded:
    """One conversation as the model reads it; `is_target` marks the tokens to be learned."""

    id: str
    tokens: tuple[int, ...]
    is_target: tuple[bool, ...]


@dataclass(frozen=True)
class EncodedSet:
    """Conversations ready to train on, and how many were left out for being too long."""

    rows: list[Encoded]
    too_long: int

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(row.tokens) for row in self.rows]


def has_generation_markers(tokenizer: Any) -> bool:
    """Whether the chat template itself says which text is the assistant's."""
    return bool(GENERATION_MARKER.search(str(tokenizer.chat_template)))


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
    if has_generation_markers(tokenizer):
        return [row for start in range(0, len(conversations), RENDERED_AT_ONCE) for row in
                _by_markers(tokenizer, conversations[start : start + RENDERED_AT_ONCE], config)]  # fmt: skip
    if config.loss_on != "final_turn":
        raise UserError(
            "the chat template has no {% generation %} markers, so only the final turn can be told apart",
            hint="set train.loss_on to final_turn, or add the markers to the template",
        )
    return [_by_prefix(tokenizer, conversation) for conversation in conversations]


def _by_markers(tokenizer: Any, conversations: Sequence[Conversation], config: TrainConfig) -> list[Encoded]:
    found = tokenizer.apply_chat_template(
        [_plain(conversation) for conversation in conversations],
        tokenize=True, return_dict=True, return_assistant_tokens_mask=True,
    )  # fmt: skip
    masks = [tuple(bool(bit) for bit in mask) for mask in found["assistant_masks"]]
    if config.loss_on == "final_turn":
        masks = [_last_stretch(mask) for mask in masks]
    tokens = [tuple(ids) for ids in found["input_ids"]]
    return [Encoded(c.id, ids, mask) for c, ids, mask in zip(conversations, tokens, masks, strict=True)]


def _by_prefix(tokenizer: Any, conversation: Conversation) -> Encoded:
    """For templates without markers: the answer is what the template adds to the question."""
    messages = _plain(conversation)
    asked = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    if not whole.startswith(asked):
        raise UserError(
            f"the chat template renders {conversation.id!r} differently once it is answered",
            hint="add {% generation %} markers to the template",
        )
    found = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    tokens = tuple(found["input_ids"])
    is_answer = [start >= len(asked) for start, _ in found["offset_mapping"]]
    ends = [at for at, token in enumerate(tokens) if is_answer[at] and token == tokenizer.eos_token_id]
    last = ends[0] if ends else len(tokens) - 1
    return Encoded(conversation.id, tokens, tuple(hit and at <= last for at, hit in enumerate(is_answer)))


def _plain(conversation: Conversation) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in conversation.messages]


def _last_stretch(mask: tuple[bool, ...]) -> tuple[bool, ...]:
    if True not in mask:
        return mask
    end = len(mask) - mask[::-1].index(True)
    start = end
    while start and mask[start - 1]:
        start -= 1
    return tuple(start <= at < end for at in range(len(mask)))
