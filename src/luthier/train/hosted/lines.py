"""Rows as the fine-tuning API reads them."""

import json
from collections.abc import Sequence

from luthier.domain.examples import Message
from luthier.train.types import Conversation, PreferencePair


def supervised_file(rows: Sequence[Conversation], *, learns_all: bool) -> bytes:
    """One conversation a line; assistant turns that are context only carry weight 0."""
    return _lines([{"messages": _turns(row, learns_all=learns_all)} for row in rows])


def preference_file(rows: Sequence[PreferencePair]) -> bytes:
    """One pair a line: the prompt, the answer that is preferred, and the other."""
    return _lines(
        [
            {
                "input": {"messages": [_plain(message) for message in row.prompt]},
                "preferred_output": [_plain(row.chosen)],
                "non_preferred_output": [_plain(row.rejected)],
            }
            for row in rows
        ]
    )


def _turns(row: Conversation, *, learns_all: bool) -> list[dict[str, object]]:
    last = len(row.messages) - 1
    return [
        {
            **_plain(message),
            **({"weight": 0} if message.role == "assistant" and place != last and not learns_all else {}),
        }
        for place, message in enumerate(row.messages)
    ]


def _plain(message: Message) -> dict[str, object]:
    return {"role": message.role, "content": message.content}


def _lines(rows: Sequence[object]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
