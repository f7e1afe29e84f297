"""Measure one variant on rows that it never saw."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Protocol

from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec, parse_call
from luthier.domain.examples import Example, Message
from luthier.domain.money import Money
from luthier.domain.reports import Case, Report
from luthier.domain.snapshots import GoldSet
from luthier.domain.variants import Variant
from luthier.domain.verdicts import judge
from luthier.errors import EngineFault, Faults, UserError
from luthier.evaluate.config import BenchmarkConfig
from luthier.evaluate.metrics import Attempt, Metric, chosen
from luthier.evaluate.strata import TURN, measure_strata, missing_strata, tags_of, untagged

VERSION = 1
FEWEST_ROWS = 200  # R74: fewer rows are measured, and the report says that they are few
ROWS_AT_ONCE = 128
FAULTS_TOLD = 20


class Ports(Protocol):
    """All that this stage needs and cannot be handed as a value."""

    def answer(self, variant: Variant, questions: Sequence[tuple[Message, ...]]) -> Sequence[Answer]:
        """One answer per question, in order; a failed one has no text and says why."""
        ...

    def progress(self, done: int, of: int) -> None:
        """Rows answered so far."""
        ...


def run(
    ports: Ports,
    benchmark: BenchmarkConfig,
    variant: Variant,
    gold: GoldSet,
    tools: Sequence[ToolSpec] = (),
    *,
    expected_strata: Sequence[str] = (),
) -> Report:
    """The report of one variant on one benchmark; what cannot be measured is refused before anything is spent.

    Args:
        ports: What answers, and who is told of progress.
        benchmark: What to measure, by which tags, and the lines to keep.
        variant: The way to answer.
        gold: The rows of the benchmark's data set.
        tools: The tools that answers may call.
        expected_strata: `key=value` strata that the task's taxonomy knows, such as `task_type=refund`.

    """
    metrics = prepare(benchmark, gold, tools)
    answers = _answers(ports, variant, gold.examples)
    tags = tags_of(gold.examples)
    cases = tuple(
        _case(example, tag, answer, metrics, tools)
        for example, tag, answer in zip(gold.examples, tags, answers, strict=True)
    )
    overall = {name: metric.measure([case.scores[name] for case in cases]) for name, metric in metrics.items()}
    keys = tuple(dict.fromkeys((*benchmark.stratify_by, *(key for key in (TURN,) if key in tags[0]))))
    return Report(
        variant=variant.name,
        variant_digest=variant.digest,
        benchmark=benchmark.name,
        gold=gold.digest,
        overall=overall,
        strata=measure_strata(metrics, cases, keys),
        missing_strata=missing_strata(tags, keys, expected_strata),
        warnings=(*_warnings(cases, metrics, tools), *untagged(tags, keys)),
        verdicts={name: judge(overall[name], line) for name, line in benchmark.thresholds.items()},
        cases=cases,
        seconds=sum(answer.latency_seconds for answer in answers),
        cost=_total([answer.cost for answer in answers]),
    )


def prepare(benchmark: BenchmarkConfig, gold: GoldSet, tools: Sequence[ToolSpec]) -> dict[str, Metric]:
    """The benchmark's metrics, once each is known, has the tools it needs, and can score every ideal answer."""
    metrics = chosen(benchmark.name, benchmark.measured)
    if needy := [name for name, metric in metrics.items() if metric.needs_tools and not tools]:
        raise UserError(
            f"benchmark {benchmark.name!r} measures {', '.join(needy)}, and no tools were given",
            hint="name the tools' JSON file as `tools`, or measure exact_match and f1",
        )
    faults = [
        f"row {example.id!r}, {name}: {fault}"
        for example in gold.examples
        for name, metric in metrics.items()
        if (fault := _fault_of_ideal(metric, example, tools))
    ]
    twice = [identity for identity, count in Counter(example.id for example in gold.examples).items() if count > 1]
    faults += [f"row {identity!r} is there more than once" for identity in twice]
    if faults:
        more = [f"and {len(faults) - FAULTS_TOLD} more"] if len(faults) > FAULTS_TOLD else []
        raise Faults(f"the data set of benchmark {benchmark.name!r}", [*faults[:FAULTS_TOLD], *more])
    return metrics


def _fault_of_ideal(metric: Metric, example: Example, tools: Sequence[ToolSpec]) -> str | None:
    try:
        metric.score(Attempt(answer=example.ideal, example=example, tools=tools))
    except UserError as fault:
        return fault.message
    return None


def _answers(ports: Ports, variant: Variant, examples: Sequence[Example]) -> list[Answer]:
    answers: list[Answer] = []
    for start in range(0, len(examples), ROWS_AT_ONCE):
        asked = [example.question for example in examples[start : start + ROWS_AT_ONCE]]
        got = ports.answer(variant, asked)
        if len(got) != len(asked):
            raise EngineFault(f"variant {variant.name!r} gave {len(got)} answers to {len(asked)} questions")
        answers += got
        ports.progress(len(answers), len(examples))
    return answers


def _case(
    example: Example,
    tags: Mapping[str, str],
    answer: Answer,
    metrics: Mapping[str, Metric],
    tools: Sequence[ToolSpec],
) -> Case:
    attempt = Attempt(answer=answer.text, example=example, tools=tools)
    return Case(
        example_id=example.id,
        strata=tags,
        asked=example.asked,
        ideal=example.ideal,
        answer=answer,
        scores={name: float(metric.score(attempt)) for name, metric in metrics.items()},
        fault=attempt.parsed.fault if tools or attempt.parsed.fault == "no_answer" else None,
    )


def _warnings(cases: Sequence[Case], metrics: Mapping[str, Metric], tools: Sequence[ToolSpec]) -> list[str]:
    found = []
    if len(cases) < FEWEST_ROWS:
        found.append(f"only {len(cases)} rows; {FEWEST_ROWS} or more are asked of a benchmark")
    if silent := sum(case.answer.text is None for case in cases):
        found.append(f"{silent} of {len(cases)} rows got no answer, each counted as wrong")
    if cut := sum(case.answer.finish_reason == "length" for case in cases):
        found.append(f"{cut} of {len(cases)} answers were cut at the token limit")
    if any(metric.needs_tools for metric in metrics.values()) and (
        unsound := sum(parse_call(case.ideal, tools).fault is not None for case in cases)
    ):
        found.append(f"{unsound} of {len(cases)} ideal answers are themselves no valid call")
    return found


def _total(costs: Sequence[Money]) -> Money:
    spent = [cost for cost in costs if cost.amount]
    return reduce(add, spent) if spent else Money()
