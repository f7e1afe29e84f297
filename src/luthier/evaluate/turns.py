"""Conversations as one question per answer of the assistant: a model that drifts by its third message is seen there."""

from collections.abc import Sequence

from luthier.domain.examples import Example
from luthier.domain.reports import TURN_MARK


def by_turn(examples: Sequence[Example]) -> list[Example]:
    """Each row after a question for each earlier answer of its assistant, given what was really said before it."""
    return [turn for example in examples for turn in (*_earlier(example), example)]


def _earlier(example: Example) -> list[Example]:
    """The conversation cut after each answer to the user but the last; all are of one group."""
    ends = [
        place
        for place, message in enumerate(example.messages[:-1])
        if message.role == "assistant" and place and example.messages[place - 1].role != "assistant"
        and any(before.role == "user" for before in example.messages[:place])
    ]  # fmt: skip
    return [
        example.model_copy(
            update={
                "id": f"{example.id}{TURN_MARK}{number}",
                "messages": example.messages[: end + 1],
                "group": group_of(example),
            }
        )
        for number, end in enumerate(ends, start=1)
    ]


def group_of(example: Example) -> str | None:
    """What rows share that are no independent witnesses: the row's group, else its conversation where it has turns."""
    if example.group is not None:
        return example.group
    base, mark, _ = example.id.rpartition(TURN_MARK)
    is_talk = sum(message.role == "assistant" for message in example.messages) > 1
    return base if mark else example.id if is_talk else None
