"""Why answers were wrong: each failed row in one or several ways to fail, counted with their doubt."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import get_args

import orjson

from luthier.assess.types import Baseline
from luthier.domain.calls import Call, ToolSpec, parse_call
from luthier.domain.decisions import FailureGroup, FailureKind, FailureTable
from luthier.domain.examples import Example
from luthier.domain.measure import Measurement
from luthier.domain.reports import Case, row_of
from luthier.domain.value import Json
from luthier.errors import UserError

KINDS: tuple[FailureKind, ...] = get_args(FailureKind)
BEHAVIOUR: frozenset[FailureKind] = frozenset(KINDS) - {"missing_fact"}
SHOWN_EXAMPLES = 5
LABELABLE_SHARE = 0.95
_REFUSAL = re.compile(
    r"^\W*(?:i['\u2019]?m sorry|sorry|i can(?:no|['\u2019])t|i am (?:unable|not able)|as an ai|unfortunately)\b", re.I
)
_WITH_DIGIT = re.compile(r"[\w-]*\d[\w-]*")

Kinds = frozenset[FailureKind]


def kinds_by_row(
    cases: Sequence[Case], *, metric: str, tools: Sequence[ToolSpec], known: Collection[str]
) -> dict[str, Kinds]:
    """Row id -> the ways in which its answer failed; rows that were right are left out.

    `known` holds the values that training could teach: what a wrong row lacks beyond them and beyond its own text must
    be looked up.
    """
    return {case.example_id: _kinds(case, tools, known) for case in cases if _is_wrong(case, metric)}


def failure_table(
    baseline: Baseline, kinds: Mapping[str, Kinds], *, tools: Sequence[ToolSpec], systematic_share: float
) -> FailureTable:
    """The baseline's failures by kind, the commonest first; kinds that never occurred are left out."""
    cases = baseline.report.cases
    rows = {kind: [case for case in cases if kind in kinds.get(case.example_id, ())] for kind in KINDS}
    groups = [_group(kind, found, len(cases), tools, systematic_share) for kind, found in rows.items() if found]
    return FailureTable(
        variant=baseline.variant.name,
        failed=Measurement.of_proportion("failed", len(kinds), n=len(cases)),
        groups=tuple(sorted(groups, key=lambda group: -group.rows)),
    )


def share_with(kinds: Mapping[str, Kinds], wanted: Collection[FailureKind], *, name: str, n: int) -> Measurement:
    """The share of all rows that failed in at least one of the wanted ways."""
    return Measurement.of_proportion(name, sum(not found.isdisjoint(wanted) for found in kinds.values()), n=n)


def known_values(training: Sequence[Example], tools: Sequence[ToolSpec]) -> frozenset[str]:
    """Every value that training targets or the tools' own choices hold."""
    targets = {value for example in training for value in values_of(example.ideal)}
    return frozenset(targets | {value for tool in tools for value in _choices(dict(tool.parameters))})


def values_of(target: str) -> list[str]:
    """The values of a JSON target, or of other text the words with a digit in them."""
    call = _call(target)
    return list(leaves(dict(call.arguments)).values()) if call else _WITH_DIGIT.findall(target)


def lacking(case: Case, known: Collection[str]) -> tuple[str, ...]:
    """Values of the ideal answer that neither the question nor training holds."""
    return tuple(value for value in values_of(case.ideal) if value not in known and not stands_in(value, case.asked))


def stands_in(value: str, text: str) -> bool:
    """Whether the text holds the value as a whole, not within a longer word or number."""
    wanted, given = value.casefold(), text.casefold()
    start = given.find(wanted)
    while start >= 0 and wanted:
        end = start + len(wanted)
        if not _is_word(given[start - 1 : start]) and not _is_word(given[end : end + 1]):
            return True
        start = given.find(wanted, start + 1)
    return False


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def leaves(value: Json, path: str = "") -> dict[str, str]:
    """Every scalar of a JSON value as text, by its path."""
    if isinstance(value, dict):
        return {key: leaf for name, part in value.items() for key, leaf in leaves(part, f"{path}/{name}").items()}
    if isinstance(value, list):
        return {key: leaf for i, part in enumerate(value) for key, leaf in leaves(part, f"{path}/{i}").items()}
    return {path: value if isinstance(value, str) else orjson.dumps(value).decode()}


def _is_wrong(case: Case, metric: str) -> bool:
    if metric not in case.scores and row_of(case.example_id) != case.example_id:
        return False  # an earlier turn of a conversation, which the metric cannot score
    if metric not in case.scores:
        raise UserError(
            f"row {case.example_id!r} has no score {metric!r}",
            hint=f"measure it in the benchmark, or set `assess.metric` to one of {sorted(case.scores)}",
        )
    return case.scores[metric] < 1.0


def _kinds(case: Case, tools: Sequence[ToolSpec], known: Collection[str]) -> Kinds:
    lacks = _wrong_values(case, tools) & set(lacking(case, known))
    behaviour = _behaviour(case, tools, known)
    if not behaviour and not lacks:
        return frozenset({"reasoning"})
    return frozenset(behaviour | ({"missing_fact"} if lacks else set()))


def _behaviour(case: Case, tools: Sequence[ToolSpec], known: Collection[str]) -> set[FailureKind]:
    """What is wrong with the answer whatever facts it lacks; empty when only facts are wrong."""
    text = case.answer.text
    if text is None or not text.strip() or _REFUSAL.match(text):
        return {"refusal_or_empty"}
    wanted, given = _call(case.ideal), _given(text, tools)
    if wanted is None:
        return set()
    if given is None:
        return {"tool_name"} if parse_call(text, tools).fault == "unknown_tool" else {"format"}
    if given.name != wanted.name:
        return {"tool_name"}
    is_invalid = bool(tools) and parse_call(text, tools).fault is not None
    return _argument_faults(case, given, wanted, known) | ({"format"} if is_invalid else set())


def _given(text: str, tools: Sequence[ToolSpec]) -> Call | None:
    return parse_call(text, tools).call if tools else _call(text)


def _argument_faults(case: Case, given: Call, wanted: Call, known: Collection[str]) -> set[FailureKind]:
    ours, theirs = leaves(dict(given.arguments)), leaves(dict(wanted.arguments))
    if ours.keys() != theirs.keys():
        return {"format"}
    wrong = [value for path, value in theirs.items() if ours[path] != value]
    if not wrong:  # the same text under another JSON type
        return {"format"}
    copied = {value for value in wrong if stands_in(value, case.asked)}
    chosen = {value for value in wrong if value in known} - copied
    found: set[FailureKind] = {"wrong_argument"} if copied else set()
    return found | ({"reasoning"} if chosen else set())


def _wrong_values(case: Case, tools: Sequence[ToolSpec]) -> set[str]:
    """The ideal's values that the answer does not give in their place."""
    wanted, text = _call(case.ideal), case.answer.text or ""
    if wanted is None:
        return {value for value in values_of(case.ideal) if not stands_in(value, text)}
    given = _given(text, tools)
    ours = leaves(dict(given.arguments)) if given else {}
    return {value for path, value in leaves(dict(wanted.arguments)).items() if ours.get(path) != value}


def _group(
    kind: FailureKind, rows: Sequence[Case], asked: int, tools: Sequence[ToolSpec], systematic_share: float
) -> FailureGroup:
    share = Measurement.of_proportion(kind, len(rows), n=asked)
    sound = sum(_has_sound_ideal(case, tools) for case in rows) / len(rows)
    return FailureGroup(
        kind=kind,
        share=share,
        is_systematic=share.low > systematic_share,
        is_labelable=kind in BEHAVIOUR and sound >= LABELABLE_SHARE,
        examples=tuple(case.example_id for case in rows[:SHOWN_EXAMPLES]),
    )


def _has_sound_ideal(case: Case, tools: Sequence[ToolSpec]) -> bool:
    return parse_call(case.ideal, tools).fault is None if tools else bool(case.ideal.strip())


def _call(text: str) -> Call | None:
    """The call a target is, whatever tools are known today."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("arguments"), dict):
        return Call(name=value["name"], arguments=value["arguments"])
    return Call(name="", arguments=value) if isinstance(value, dict) else None


def _choices(schema: Json) -> Iterator[str]:
    """The values of every `enum` and `const` within a schema."""
    if isinstance(schema, list):
        for part in schema:
            yield from _choices(part)
    elif isinstance(schema, dict):
        for key, part in schema.items():
            if key in {"enum", "const"}:
                yield from leaves(part).values()
            else:
                yield from _choices(part)
