"""Judges that look at nothing worth looking at: what a real one must be better than (B7)."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from luthier.evaluate.judges.config import JudgeConfig
from luthier.evaluate.judges.items import TIE, A, B, Label, Labelled

SELF = "self-preferring"


def degenerate_judges(config: JudgeConfig, rows: Sequence[Labelled]) -> dict[str, list[Label]]:
    """Name -> a label per item.

    The same verdict always, the longest answer, the shortest, the first or second shown, and one that always prefers
    one author - its own where `licence.author` says who that is.
    """
    found = dict(_of_marks(config, rows) if config.kind == "rubric" else _of_pairs(rows))
    for author in sorted({name for row in rows for name in row.authors}):
        name = SELF if author == config.licence.author else f"prefers-{author}"
        found[name] = [_preferring(config, row, author) for row in rows]
    return found


def _of_pairs(rows: Sequence[Labelled]) -> Iterator[tuple[str, list[Label]]]:
    yield "first", [A] * len(rows)
    yield "second", [B] * len(rows)
    yield "always-tie", [TIE] * len(rows)
    yield "longest", [_larger(row, len) for row in rows]
    yield "shortest", [_larger(row, lambda text: -len(text)) for row in rows]


def _larger(row: Labelled, size: Callable[[str], int]) -> str:
    one, other = (size(answer) for answer in row.item.answers)
    return TIE if one == other else A if one > other else B


def _of_marks(config: JudgeConfig, rows: Sequence[Labelled]) -> Iterator[tuple[str, list[Label]]]:
    low, high = config.marks
    for mark in range(low, high + 1):
        yield f"always-{mark}", [mark] * len(rows)
    yield "longest", _marks_by(rows, len)
    yield "shortest", _marks_by(rows, lambda text: -len(text))


def _marks_by(rows: Sequence[Labelled], size: Callable[[str], int]) -> list[Label]:
    """As many of each mark as people gave, dealt out by size: the best that a judge by size alone could do."""
    given = Counter(label for row in rows for label in row.people.values())
    order = sorted(range(len(rows)), key=lambda place: size(rows[place].item.answers[0]))
    dealt: list[Label] = [0] * len(rows)
    marks = sorted(given.elements(), key=int)
    for rank, place in enumerate(order):
        dealt[place] = marks[rank * len(marks) // len(order)]
    return dealt


def _preferring(config: JudgeConfig, row: Labelled, author: str) -> Label:
    mine = [name == author for name in row.authors]
    if config.kind == "rubric":
        low, high = config.marks
        return high if any(mine) else low
    return TIE if mine in ([True, True], [False, False], []) else A if mine[0] else B
