"""Figures split by the tags of rows; what is missing is named, never averaged away."""

from collections.abc import Mapping, Sequence

from luthier.domain.examples import Example
from luthier.domain.measure import Measurement
from luthier.domain.reports import Case
from luthier.evaluate.metrics import Attempt, Metric

TURN = "turn"
FEW = 30


def tags_of(examples: Sequence[Example]) -> list[dict[str, str]]:
    """The tags of each row; where any conversation has several turns, each row also tells at which it answers."""
    turns = [sum(message.role == "user" for message in example.question) for example in examples]
    if max(turns, default=1) == 1:
        return [dict(example.strata) for example in examples]
    return [{TURN: str(turn), **example.strata} for turn, example in zip(turns, examples, strict=True)]


def members_of(cases: Sequence[Case], keys: Sequence[str]) -> dict[str, list[int]]:
    """`key=value` -> the places of its cases, for every value of these tags that a row carries."""
    places: dict[str, list[int]] = {}
    for key in keys:
        tagged = [place for place, case in enumerate(cases) if key in case.strata]
        for place in sorted(tagged, key=lambda place: cases[place].strata[key]):
            places.setdefault(f"{key}={cases[place].strata[key]}", []).append(place)
    return places


def measure(chosen: Mapping[str, Metric], attempts: Sequence[Attempt], cases: Sequence[Case]) -> dict[str, Measurement]:
    """Each metric over the cases that it applies to; one that applies to none of them has no figure."""
    found = {}
    for name, metric in chosen.items():
        places = [place for place, case in enumerate(cases) if name in case.scores]
        if places:
            scores = [cases[place].scores[name] for place in places]
            found[name] = metric.measure_rows([attempts[place] for place in places], scores)
    return found


def measure_strata(
    chosen: Mapping[str, Metric], attempts: Sequence[Attempt], cases: Sequence[Case], keys: Sequence[str]
) -> dict[str, dict[str, Measurement]]:
    """`key=value` -> metric -> figure, for every value of these tags that a row carries."""
    return {
        stratum: measure(chosen, [attempts[place] for place in places], [cases[place] for place in places])
        for stratum, places in members_of(cases, keys).items()
    }


def thin(cases: Sequence[Case], keys: Sequence[str]) -> dict[str, int]:
    """Strata of fewer than FEW rows: their figures may be off by a fifth and more."""
    return {name: len(places) for name, places in members_of(cases, keys).items() if len(places) < FEW}


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
