"""Logs of dialogues: a list of turns, each with who spoke and what; ShareGPT's names and those of its kin."""

from collections.abc import Mapping, Sequence

from luthier.data.readers.conversations import Turn, calls_text, tags_of, text_of
from luthier.data.readers.parts import Draft, Malformed, NothingToLearn, Object, Origin
from luthier.domain.value import Json

TURNS = ("conversations", "conversation", "turns", "utterances", "dialogue", "dialog", "events")
_WHO = ("from", "role", "speaker", "agent", "author")
_WHAT = ("value", "content", "text", "utterance")
_SPOKEN = ("utter", "pick_suggestion")
"""Of STAR's actions, those that the other side sees."""

_TAKEN = frozenset({*TURNS, "system", "tools"})
SPEAKERS: Mapping[str, str] = {
    "system": "system",
    **dict.fromkeys(("human", "user", "customer", "client", "caller", "prompter"), "user"),
    **dict.fromkeys(("gpt", "assistant", "agent", "bot", "chatgpt", "bing", "bard", "model", "wizard"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "function_response", "api", "knowledgebase"), "tool"),
    "function_call": "call",
}
"""What a turn says of its speaker, in lower case -> role; others stand beside the conversation."""


def sharegpt(row: Object, _: Origin) -> Sequence[Draft]:
    """The dialogue up to its last answer; turns in a row by one speaker are one turn.

    A turn without text, or by somebody who is not part of the conversation (a study's guide), is none.
    """
    turns = next((row[key] for key in row if key.lower() in TURNS), None)
    if not isinstance(turns, list):
        raise Malformed(f"none of {list(TURNS)} is a list of turns")
    told: list[Turn] = []
    if isinstance(system := row.get("system"), str) and system:
        told.append(("system", system))
    for turn in turns:
        _append(told, _turn(turn))
    while told and told[-1][0] != "assistant":
        told.pop()
    if not any(role == "user" for role, _ in told):
        raise NothingToLearn("nobody answers a user in this dialogue")
    tools = row.get("tools")
    tags = {key: value for key, value in tags_of(row, _TAKEN).items() if key.lower() not in TURNS}
    return (Draft(told, tags, tools=tools if isinstance(tools, str) and tools else None),)


def _append(told: list[Turn], turn: Turn | None) -> None:
    if turn is None:
        return
    if told and told[-1][0] == turn[0] and turn[0] in {"user", "assistant"}:
        told[-1] = (turn[0], f"{told[-1][1]}\n{turn[1]}")
    else:
        told.append(turn)


def _turn(turn: Json) -> Turn | None:
    if not isinstance(turn, dict):
        raise Malformed("a turn is no object")
    keys = {key.lower(): value for key, value in turn.items()}
    who = next((keys[name] for name in _WHO if name in keys), None)
    if not isinstance(who, str):
        raise Malformed(f"a turn has none of the keys {list(_WHO)}")
    what = next((keys[name] for name in _WHAT if keys.get(name) is not None), "")
    role = SPEAKERS.get(who.lower().replace(" ", ""))
    if role is None or not what or keys.get("action", "utter") not in _SPOKEN:
        return None
    if role == "call":
        return ("assistant", what if isinstance(what, str) else calls_text(what))
    return (role, text_of(what))
