"""Sources whose answers are labels, and whether their rows say by what criteria a label is given."""

import re
from collections import Counter
from dataclasses import dataclass, field

from luthier.data.clean.reasons import Turns
from luthier.text.normalise import fold

_MAX_WORDS = 6
_MAX_CHARACTERS = 60
_MIN_ROWS = 20
_MIN_SHARE = 0.3
"""Share of a source's rows that must be labels before it counts as classification."""
_ROWS_PER_LABEL = 4
_MAX_LABELS = 5_000
_DEFINES = re.compile(
    r"""["'`*)\]]{0,3} ?(?:[:=(\u2013\u2014-]|->|if\b|when\b|means\b|is\b|where\b)(?: ?[\w'"`,.-]+){3}"""
)
"""What follows a label that is explained."""
_EXAMPLES = 5


@dataclass
class _Seen:
    rows: int = 0
    short: int = 0
    bare: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BareLabels:
    """Rows of one source that are labels without criteria."""

    source: str
    rows: int
    of: int
    examples: tuple[str, ...]


class Labels:
    """Counts short answers per source; bounded in memory, mergeable."""

    def __init__(self) -> None:
        self._sources: dict[str, _Seen] = {}

    def look(self, row_id: str, source: str, turns: Turns) -> None:
        """Look at one row."""
        seen = self._sources.setdefault(source, _Seen())
        seen.rows += 1
        label = _label_of(turns[-1][1])
        if not label or (label not in seen.labels and len(seen.labels) >= _MAX_LABELS):
            return
        seen.short += 1
        seen.labels[label] += 1
        if any(_states_criterion(content, label) for _, content in turns[:-1]):
            return
        seen.bare += 1
        if len(seen.examples) < _EXAMPLES:
            seen.examples.append(row_id)

    def merge(self, other: "Labels") -> None:
        """Take over what another saw of other rows."""
        for source, theirs in other._sources.items():
            ours = self._sources.setdefault(source, _Seen())
            ours.rows += theirs.rows
            ours.short += theirs.short
            ours.bare += theirs.bare
            ours.labels.update(theirs.labels)
            ours.examples = (ours.examples + theirs.examples)[:_EXAMPLES]

    def without_criteria(self) -> list[BareLabels]:
        """Sources that are classification and whose rows give labels without criteria."""
        return [
            BareLabels(source=source, rows=seen.bare, of=seen.rows, examples=tuple(seen.examples))
            for source, seen in sorted(self._sources.items())
            if seen.bare
            and seen.short >= max(_MIN_ROWS, _MIN_SHARE * seen.rows)
            and len(seen.labels) * _ROWS_PER_LABEL <= seen.short
        ]


def _label_of(answer: str) -> str:
    """The answer as a label; empty where it is longer than labels are, or structured."""
    if len(answer) > _MAX_CHARACTERS or answer[:1] in {"{", "["} or len(answer.split()) > _MAX_WORDS:
        return ""
    return fold(answer).strip(" .")


def _states_criterion(text: str, label: str) -> bool:
    """Whether `text` says what the label means, as `lost_card: ...` does; naming it among others is not enough."""
    folded = fold(text)
    place = folded.find(label)
    while place >= 0:
        if _DEFINES.match(folded, place + len(label)):
            return True
        place = folded.find(label, place + 1)
    return False
