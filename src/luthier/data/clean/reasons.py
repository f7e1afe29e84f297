"""Why a row is left out; the first reason that holds is told."""

import re
from collections.abc import Mapping, Sequence

import orjson

from luthier.data.clean.targets import why_target_fails
from luthier.data.config import CleanConfig
from luthier.text.languages import UNKNOWN, language_of
from luthier.text.normalise import fold

_PLAIN = re.compile(r"[!-~]")
"""A character that folding keeps; to fold a whole text only to see whether it is empty cost a third of cleaning."""
_MIN_ECHO = 20
_LONG_PROSE = 300
_STOPS = frozenset({"length", "max_tokens"})
Turns = Sequence[tuple[str, str]]


def why_not(turns: Turns, tools: str | None, tags: Mapping[str, str], config: CleanConfig) -> str | None:
    """The reason against a row in tidy form, or None where it may stay."""
    if order := _wrong_order(turns):
        return order
    asked = next(content for role, content in reversed(turns[:-1]) if role == "user")
    ideal = turns[-1][1]
    return (
        _empty_or_garbled(asked, ideal, turns)
        or _wrong_length(turns, ideal, config)
        or _repeats(asked, ideal)
        or _truncated(ideal, tags, config)
        or _wrong_language(asked, ideal, config)
        or (why_target_fails(ideal, tools) if tools and config.check_targets else None)
    )


def _wrong_order(turns: Turns) -> str | None:
    if not turns or turns[-1][0] != "assistant":
        return "answer_not_last"
    if not any(role == "user" for role, _ in turns):
        return "no_question"
    has_begun = has_answered = False
    for role, _ in turns:
        if role == "system" and has_begun:
            return "system_not_first"
        if role == "tool" and not has_answered:
            return "tool_without_call"
        has_begun = has_begun or role != "system"
        has_answered = has_answered or role == "assistant"
    return None


def _empty_or_garbled(asked: str, ideal: str, turns: Turns) -> str | None:
    if _is_empty(asked):
        return "empty_question"
    if _is_empty(ideal):
        return "empty_answer"
    return "garbled" if any("\ufffd" in content for _, content in turns) else None


def _is_empty(text: str) -> bool:
    return not text or (_PLAIN.search(text) is None and not text.isascii() and not fold(text))


def _wrong_length(turns: Turns, ideal: str, config: CleanConfig) -> str | None:
    if sum(len(content) for _, content in turns) > config.max_characters:
        return "too_long"
    if len(ideal) < config.min_answer_characters:
        return "answer_too_short"
    return "answer_too_long" if len(ideal) > config.max_answer_characters else None


def _repeats(asked: str, ideal: str) -> str | None:
    if len(ideal) <= _MIN_ECHO or len(asked) > 2 * len(ideal) or len(ideal) > 2 * len(asked):
        return None
    return "echo" if fold(asked) == fold(ideal) else None


def _truncated(ideal: str, tags: Mapping[str, str], config: CleanConfig) -> str | None:
    if config.truncated_answers == "keep":
        return None
    is_cut = tags.get("finish_reason", tags.get("stop_reason")) in _STOPS or _is_cut(ideal)
    if not is_cut and config.truncated_answers == "likely":
        is_cut = _ends_in_the_middle(ideal)
    return "truncated_answer" if is_cut else None


def _is_cut(ideal: str) -> bool:
    """Whether JSON does not end, or a block of code is left open."""
    if ideal[:2] in {'{"', "[{"}:
        try:
            orjson.loads(ideal)
        except orjson.JSONDecodeError:
            return True
        return False
    return "```" in ideal and sum(line.lstrip().startswith("```") for line in ideal.split("\n")) % 2 == 1


def _ends_in_the_middle(ideal: str) -> bool:
    """Whether long prose stops at a word or a comma; lists, links and headings may."""
    last = ideal[ideal.rfind("\n") + 1 :].strip()
    is_prose = len(ideal) >= _LONG_PROSE and len(last.split()) >= 8 and not last.startswith(("-", "*", "#", "|", "•"))
    return is_prose and (last[-1].isalpha() or last[-1] == ",") and "://" not in last.split()[-1]


def _wrong_language(asked: str, ideal: str, config: CleanConfig) -> str | None:
    if not config.languages:
        return None
    is_structured = ideal[:1] in {"{", "["}
    found = language_of(asked if is_structured else f"{asked}\n{ideal}")
    return None if found == UNKNOWN or found in config.languages else "language"
