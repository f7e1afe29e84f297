"""Figures split by the tags of rows; what is missing is named, never averaged away."""

from collections.abc import Mapping, Sequence

from luthier.domain.examples import Example
from luthier.domain.measure import Measurement
from luthier.domain.reports import Case
from luthier.evaluate.metrics import Metric

TURN = "turn"


def tags_of(examples: Sequence[Example]) -> list[dict[str, str]]:
    """The tags of each row; where any conversation has several turns, each row also tells at which it answers."""
    turns = [sum(message.role == "user" for message in example.question) for example in examples]
    if max(turns, default=1) == 1:
        return [dict(example.strata) for example in examples]
    return [{TURN: str(turn), **example.strata} for turn, example in zip(turns, examples, strict=True)]


def measure_strata(
    chosen: Mapping[str, Metric], cases: Sequence[Case], keys: Sequence[str]
) -> dict[str, dict[str, Measurement]]:
    """`key=value` -> metric -> figure, for every value of these tags that a row carries."""
    rows: dict[str, list[Case]] = {}
    for key in keys:
        for case in sorted((case for case in cases if key in case.strata), key=lambda case: case.strata[key]):
            rows.setdefault(f"{key}={case.strata[key]}", []).append(case)
    return {
        stratum: {name: metric.measure([case.scores[name] for case in members]) for name, metric in chosen.items()}
        for stratum, members in rows.items()
    }


def missing_strata(tags: Sequence[Mapping[str, str]], keys: Sequence[str], expected: Sequence[str]) -> tuple[str, ...]:
    """Tags that no row carries, and expected `key=value` strata that hold no row."""
    present = {f"{key}={value}" for row in tags for key, value in row.items()}
    carried = {key for row in tags for key in row}
    return (*(key for key in keys if key not in carried), *(name for name in expected if name not in present))


def untagged(tags: Sequence[Mapping[str, str]], keys: Sequence[str]) -> list[str]:
    """One sentence for each tag that some rows carry and others lack: those others are in no stratum of it."""
    lacking = {key: sum(key not in row for row in tags) for key in keys}
    return [
        f"{count} of {len(tags)} rows carry no {key!r}, so they are in no stratum of it"
        for key, count in lacking.items()
        if 0 < count < len(tags)
    ]
