"""Why answers were wrong: each failed row in one or several ways to fail, counted with their doubt.

A row counts as failed where `assess.metric` scores it below 1. What it failed at is decided by these rules alone:

refusal_or_empty  no answer, an empty one, or one that opens with a refusal; nothing else is then asked of it
format            the ideal is a call and the answer is none, has other arguments, or breaks the tool's schema
tool_name         a call of another tool
wrong_argument    an argument differs whose value stands in the question
wrong_fact        a fact that stood in the question, the passages shown or the training targets, and the answer
                  states another of its kind in its place (`stated.py`); in a call, an argument that a passage held
missing_fact      a value or fact of the ideal that the answer does not give, and that neither question, passages shown
                  nor training hold: it must be looked up
jargon            a term of `charter.taxonomy.glossary` is missing or replaced (`wording.py`)
tone              an answer in prose breaks a line of `charter.style` that its ideal keeps (`wording.py`)
reasoning         an argument differs whose value is a choice that training or a tool's schema holds; or none of these
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from luthier.assess.concentration import concentrations
from luthier.assess.config import AssessConfig
from luthier.assess.stated import contradicted
from luthier.assess.targets import call_of, leaves, stands_in, values_of
from luthier.assess.types import Baseline
from luthier.assess.wording import Wording, is_off_tone, missed_terms
from luthier.domain.calls import Call, ToolSpec, parse_call
from luthier.domain.decisions import Advice, Concentration, FailureGroup, FailureKind, FailureTable
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

Kinds = frozenset[FailureKind]


@dataclass(frozen=True)
class Yardstick:
    """What answers are held against.

    `known` holds the values that training could teach: what a wrong row lacks beyond them and beyond what it was shown
    must be looked up.
    """

    metric: str = "exact_match"
    tools: Sequence[ToolSpec] = ()
    known: Collection[str] = frozenset()
    passages: Mapping[str, str] = field(default_factory=dict)
    wording: Wording = field(default_factory=Wording)

    def shown(self, case: Case) -> str:
        """The question and the passages that the model had before it."""
        return "\n".join((case.asked, *(self.passages.get(each, "") for each in case.answer.sources)))


def kinds_by_row(cases: Sequence[Case], by: Yardstick) -> dict[str, Kinds]:
    """Row id -> the ways in which its answer failed; rows that were right are left out."""
    return {case.example_id: _kinds(case, by) for case in cases if _is_wrong(case, by.metric)}


def failure_table(
    baseline: Baseline, kinds: Mapping[str, Kinds], *, tools: Sequence[ToolSpec], config: AssessConfig
) -> FailureTable:
    """The baseline's failures by kind, the commonest first; kinds that never occurred are left out."""
    cases = baseline.report.cases
    rows = {kind: [case for case in cases if kind in kinds.get(case.example_id, ())] for kind in KINDS}
    rows = {kind: found for kind, found in rows.items() if found}
    lie = concentrations(cases, rows)
    groups = [
        _group(kind, found, asked=len(cases), tools=tools, config=config, lie=lie[kind]) for kind, found in rows.items()
    ]
    return FailureTable(
        variant=baseline.variant.name,
        failed=Measurement.of_proportion("failed", len(kinds), n=len(cases)),
        groups=tuple(sorted(groups, key=lambda group: -group.rows)),
    )


def remedy(kind: FailureKind, *, is_systematic: bool, is_labelable: bool, config: AssessConfig) -> Advice:
    """What a group calls for by itself; the verdict weighs all groups, what was tried, and the data.

    A missing fact is retrieved. Scattered misbehaviour is for the prompt. Systematic misbehaviour is tuned away where
    right answers exist and training is allowed; it waits for labels where people can give them, and else stops.
    """
    if kind == "missing_fact":
        return "retrieve"
    if not is_systematic:
        return "prompt"
    if not config.training_allowed:
        return "stop"
    if is_labelable:
        return "tune"
    return "not_enough_evidence" if config.can_label_more else "stop"


def share_with(kinds: Mapping[str, Kinds], wanted: Collection[FailureKind], *, name: str, n: int) -> Measurement:
    """The share of all rows that failed in at least one of the wanted ways."""
    return Measurement.of_proportion(name, sum(not found.isdisjoint(wanted) for found in kinds.values()), n=n)


def known_values(training: Sequence[Example], tools: Sequence[ToolSpec]) -> frozenset[str]:
    """Every value that training targets or the tools' own choices hold."""
    targets = {value for example in training for value in values_of(example.ideal)}
    return frozenset(targets | {value for tool in tools for value in _choices(dict(tool.parameters))})


def lacking(case: Case, by: Yardstick) -> tuple[str, ...]:
    """Values of the ideal answer that neither training nor what was shown holds."""
    shown = by.shown(case)
    return tuple(value for value in values_of(case.ideal) if value not in by.known and not stands_in(value, shown))


def _is_wrong(case: Case, metric: str) -> bool:
    if metric not in case.scores and row_of(case.example_id) != case.example_id:
        return False  # an earlier turn of a conversation, which the metric cannot score
    if metric not in case.scores:
        raise UserError(
            f"row {case.example_id!r} has no score {metric!r}",
            hint=f"measure it in the benchmark, or set `assess.metric` to one of {sorted(case.scores)}",
        )
    return case.scores[metric] < 1.0


def _kinds(case: Case, by: Yardstick) -> Kinds:
    told = _contradicted(case)
    shown = by.shown(case)
    unknown = {value for value in told if value not in by.known and not stands_in(value, shown)}
    lacks = (_wrong_values(case, by.tools) & set(lacking(case, by))) | unknown
    found = _behaviour(case, by)
    if told - unknown:
        found.add("wrong_fact")
    if lacks:
        found.add("missing_fact")
    return frozenset(found or {"reasoning"})


def _behaviour(case: Case, by: Yardstick) -> set[FailureKind]:
    """What is wrong with the answer whatever facts it lacks; empty when only facts are wrong."""
    text = case.answer.text
    if text is None or _is_refused(text):
        return {"refusal_or_empty"}
    wanted, given = call_of(case.ideal), _given(text, by.tools)
    if wanted is None:
        return _worded(case, text, by.wording)
    if given is None:
        return {"tool_name"} if parse_call(text, by.tools).fault == "unknown_tool" else {"format"}
    if given.name != wanted.name:
        return {"tool_name"}
    is_invalid = bool(by.tools) and parse_call(text, by.tools).fault is not None
    return _argument_faults(case, given, wanted, by) | ({"format"} if is_invalid else set())


def _is_refused(text: str) -> bool:
    return not text.strip() or _REFUSAL.match(text) is not None


def _worded(case: Case, text: str, wording: Wording) -> set[FailureKind]:
    found: set[FailureKind] = {"tone"} if is_off_tone(wording.style, text, case.ideal) else set()
    return found | ({"jargon"} if missed_terms(wording.glossary, text, case.ideal) else set())


def _contradicted(case: Case) -> frozenset[str]:
    """Facts of an ideal in prose in whose place the answer states others; arguments of a call have their own rules."""
    text = case.answer.text
    if text is None or _is_refused(text) or call_of(case.ideal) is not None:
        return frozenset()
    return contradicted(text, case.ideal, case.asked)


def _given(text: str, tools: Sequence[ToolSpec]) -> Call | None:
    return parse_call(text, tools).call if tools else call_of(text)


def _argument_faults(case: Case, given: Call, wanted: Call, by: Yardstick) -> set[FailureKind]:
    ours, theirs = leaves(dict(given.arguments)), leaves(dict(wanted.arguments))
    if ours.keys() != theirs.keys():
        return {"format"}
    wrong = {value for path, value in theirs.items() if ours[path] != value}
    if not wrong:  # the same text under another JSON type
        return {"format"}
    terms = missed_terms(by.wording.glossary, "\n".join(ours.values()), "\n".join(theirs.values()))
    copied = {value for value in wrong if stands_in(value, case.asked)}
    chosen = {value for value in wrong - copied - terms if value in by.known}
    shown = by.shown(case)
    read = {value for value in wrong - copied - chosen - terms if stands_in(value, shown)}
    found: dict[FailureKind, bool] = {
        "wrong_argument": bool(copied), "reasoning": bool(chosen), "wrong_fact": bool(read), "jargon": bool(terms),
    }  # fmt: skip
    return {kind for kind, is_there in found.items() if is_there}


def _wrong_values(case: Case, tools: Sequence[ToolSpec]) -> set[str]:
    """The ideal's values that the answer does not give in their place."""
    wanted, text = call_of(case.ideal), case.answer.text or ""
    if wanted is None:
        return {value for value in values_of(case.ideal) if not stands_in(value, text)}
    given = _given(text, tools)
    ours = leaves(dict(given.arguments)) if given else {}
    return {value for path, value in leaves(dict(wanted.arguments)).items() if ours.get(path) != value}


def _group(
    kind: FailureKind,
    rows: Sequence[Case],
    *,
    asked: int,
    tools: Sequence[ToolSpec],
    config: AssessConfig,
    lie: tuple[Concentration, ...],
) -> FailureGroup:
    share = Measurement.of_proportion(kind, len(rows), n=asked)
    sound = sum(_has_sound_ideal(case, tools) for case in rows) / len(rows)
    is_systematic = share.low > config.systematic_share
    is_labelable = kind in BEHAVIOUR and sound >= LABELABLE_SHARE
    return FailureGroup(
        kind=kind,
        share=share,
        is_systematic=is_systematic,
        is_labelable=is_labelable,
        remedy=remedy(kind, is_systematic=is_systematic, is_labelable=is_labelable, config=config),
        strata=lie,
        examples=tuple(case.example_id for case in rows[:SHOWN_EXAMPLES]),
    )


def _has_sound_ideal(case: Case, tools: Sequence[ToolSpec]) -> bool:
    return parse_call(case.ideal, tools).fault is None if tools else bool(case.ideal.strip())


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
