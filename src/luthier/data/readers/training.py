"""Formats made for tuning: OpenAI chat and DPO, TRL pairs and preferences, Alpaca, and people's corrections."""

import re
from collections.abc import Sequence

from luthier.data.readers.conversations import (
    Turn,
    answer_text,
    conversation,
    needed,
    parsed,
    side,
    tags_of,
    text_of,
    tools_of,
)
from luthier.data.readers.parts import Draft, Malformed, NothingToLearn, Object, Origin
from luthier.domain.value import Json

_CHAT = frozenset({"messages", "tools", "functions", "parallel_tool_calls", "response_format"})
_OFFERED = _CHAT - {"messages"}
_DPO = frozenset({"input", "preferred_output", "non_preferred_output"})
_PAIR = frozenset({"system", "prompt", "completion"}) | _OFFERED
_PREFERENCE = frozenset({"system", "prompt", "chosen", "rejected"}) | _OFFERED
_ALPACA = frozenset({"system", "instruction", "input", "output"})
_FIX = frozenset({"system", "prompt", "messages", "draft", "edited"}) | _OFFERED
_LABELS = {"true": True, "false": False}
"""As tables of text keep them."""
_SPEAKER = re.compile(r"\n\n(Human|Assistant): ?")


def chat(row: Object, _: Origin) -> Sequence[Draft]:
    """OpenAI chat: `messages`, and beside them `tools`, `metadata`, or plain keys as tags."""
    if len(row) == 1:
        return (Draft(conversation(parsed(needed(row, "messages"))), {}),)
    return (Draft(conversation(parsed(needed(row, "messages"))), tags_of(row, _CHAT), tools=tools_of(row)),)


def dpo(row: Object, _: Origin) -> Sequence[Draft]:
    """OpenAI preference tuning: `input` with `messages` and `tools`, and an output preferred to another."""
    asked = needed(row, "input")
    if not isinstance(asked, dict):
        raise Malformed("`input` is no object with `messages`")
    preferred = side(needed(row, "preferred_output"), "assistant")
    rejected = answer_text(needed(row, "non_preferred_output"))
    messages = [*conversation(needed(asked, "messages")), *preferred]
    return (Draft(messages, tags_of(row, _DPO), tools=tools_of(asked), rejected=rejected),)


def prompt_completion(row: Object, _: Origin) -> Sequence[Draft]:
    """`prompt` and `completion`, each a text or messages; TRL's `label` says whether people like the completion."""
    label = row.get("label")
    liked = label if isinstance(label, bool) else _LABELS.get(str(label).strip().lower())
    answer = side(needed(row, "completion"), "assistant")
    messages = [*_system(row), *side(needed(row, "prompt"), "user"), *answer]
    taken = _PAIR if liked is None else _PAIR | {"label"}
    return (Draft(messages, tags_of(row, taken), tools=tools_of(row), liked=liked),)


def preference(row: Object, _: Origin) -> Sequence[Draft]:
    """TRL preference: `chosen` and `rejected` after a `prompt`, or with the conversation before them in both."""
    chosen, rejected = _transcript(needed(row, "chosen")), _transcript(needed(row, "rejected"))
    liked, less_liked = side(chosen, "assistant"), side(rejected, "assistant")
    prompt = side(row["prompt"], "user") if "prompt" in row else []
    if prompt and liked[: len(prompt)] == prompt:
        prompt = []
    if liked == less_liked:
        raise NothingToLearn("the answer chosen and the one rejected are the same")
    if liked[:-1] != less_liked[:-1] or less_liked[-1][0] != "assistant":
        raise NothingToLearn("the conversations part before their last answers, which therefore cannot be compared")
    draft = Draft([*_system(row), *prompt, *liked], tags_of(row, _PREFERENCE), tools_of(row), less_liked[-1][1])
    return (draft,)


def alpaca(row: Object, _: Origin) -> Sequence[Draft]:
    """`instruction`, an optional `input`, and `output`; or an instruction with `instances` of those two."""
    instances = row.get("instances")
    if not isinstance(instances, list):
        return (Draft(_alpaca_turns(row, row), tags_of(row, _ALPACA)),)
    tags = tags_of(row, _ALPACA | {"instances"})
    is_alone = len(instances) == 1
    return tuple(
        Draft(_alpaca_turns(row, instance), tags, part=None if is_alone else part)
        for part, instance in enumerate(instances, start=1)
    )


def human_fix(row: Object, _: Origin) -> Sequence[Draft]:
    """What a person made of a draft: `edited` is the ideal answer, and a `draft` that differs from it the rejected one.

    The question is `prompt`, a text or messages, or `messages` without the answer.
    """
    edited, draft = answer_text(needed(row, "edited")), answer_text(needed(row, "draft"))
    question = side(row["prompt"] if "prompt" in row else needed(row, "messages"), "user")
    messages = [*_system(row), *question, ("assistant", edited)]
    rejected = draft if draft.strip() != edited.strip() else None
    return (Draft(messages, tags_of(row, _FIX), tools_of(row), rejected),)


def _alpaca_turns(row: Object, instance: Json) -> list[Turn]:
    if not isinstance(instance, dict):
        raise Malformed("one of the `instances` is no object")
    parts = [text_of(needed(row, "instruction")), text_of(instance.get("input") or "")]
    asked = "\n\n".join(part for part in parts if part)
    return [*_system(row), ("user", asked), ("assistant", text_of(needed(instance, "output")))]


def _system(row: Object) -> list[Turn]:
    told = row.get("system")
    return [("system", told)] if isinstance(told, str) and told else []


def _transcript(value: Json) -> Json:
    """The messages that a text in the manner of hh-rlhf (`Human:`, `Assistant:`) holds; anything else as it is."""
    if not isinstance(value, str) or _SPEAKER.match(value) is None:
        return value
    pieces = _SPEAKER.split(value)[1:]
    roles = {"Human": "user", "Assistant": "assistant"}
    return [{"role": roles[who], "content": text.strip()} for who, text in zip(pieces[::2], pieces[1::2], strict=True)]
