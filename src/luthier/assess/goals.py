"""Goals that no training can reach, found by what they say and what they leave out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

import yaml

FEWEST_WORDS = 4
MOST_TASKS = 3
_WORD = re.compile(r"[a-z0-9][a-z0-9'-]*")
_CLAUSE = re.compile(r"[,;.:]|\band\b|\bor\b|\bthen\b|\balso\b|\bto\b")
_FILLER = frozenset(
    [
        "a",
        "an",
        "the",
        "our",
        "us",
        "we",
        "for",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "and",
        "or",
        "with",
        "it",
        "is",
        "be",
    ]
)


def _known_words() -> Mapping[str, Sequence[str]]:
    text = files("luthier.assess").joinpath("goal_words.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Sequence[str]] = yaml.safe_load(text)
    return words


def _task_verb(stems: Sequence[str], endings: Sequence[str]) -> re.Pattern[str]:
    """Any stem with any ending; a final consonant may double (`tag`, `tagging`)."""
    forms = [f"{re.escape(stem)}(?:{re.escape(stem[-1])})?" for stem in stems]
    return re.compile(f"(?:{'|'.join(forms)})(?:{'|'.join(map(re.escape, endings))})")


_WORDS = _known_words()
_TASK = _task_verb(_WORDS["tasks"], _WORDS["endings"])
_BROAD = tuple(re.compile(pattern) for pattern in _WORDS["broad"])


def goal_faults(goal: str) -> tuple[str, ...]:
    """Why nobody could train or measure this goal; empty for a narrow task."""
    return tuple(_faults(" ".join(goal.lower().split())))


def _faults(goal: str) -> Iterator[str]:
    words = _WORD.findall(goal)
    for pattern in _BROAD:
        if found := pattern.search(goal):
            yield f"{found[0]!r} is too broad to train or to measure; name one input and its correct output"
    if len([word for word in words if word not in _FILLER]) < FEWEST_WORDS:
        yield f"it has fewer than {FEWEST_WORDS} words of content; say what comes in and what must come out"
    if not any(_TASK.fullmatch(part) for word in words for part in word.split("-")):
        yield "it names no task; begin with what is done, such as `turn`, `classify`, `draft` or `answer`"
    if (tasks := _tasks_begun(goal)) > MOST_TASKS:
        yield f"it names {tasks} tasks; one project solves one of them"


def _tasks_begun(goal: str) -> int:
    """Clauses that open with a task's verb."""
    openings = (_WORD.search(clause) for clause in _CLAUSE.split(goal))
    return sum(1 for word in openings if word and _TASK.fullmatch(word[0]))
