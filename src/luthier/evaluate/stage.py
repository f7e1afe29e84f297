"""Measure one variant on rows that it never saw."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
from luthier.domain.verdicts import Verdict, judge
from luthier.errors import EngineFault, Faults, UserError
from luthier.evaluate.config import BenchmarkConfig
from luthier.evaluate.metrics import Attempt, Metric, chosen
from luthier.evaluate.safety.refusals import declines
from luthier.evaluate.safety.suites import is_shipped
from luthier.evaluate.strata import FEW, TURN, measure, measure_strata, missing_strata, tags_of, thin, untagged
from luthier.evaluate.turns import by_turn, group_of

VERSION = 2
FEWEST_ROWS = 200  # R74: fewer rows are measured, and the report says that they are few
ROWS_AT_ONCE = 128
FAULTS_TOLD = 20


class Ports(Protocol):
    """All that this stage needs and cannot be handed as a value."""

    def answer(self, variant: Variant, questions: Sequence[tuple[Message, ...]]) -> Sequence[Answer]:
        """One answer per question, in order; a failed one has no text and says why."""
        ...

    def passages(self, variant: Variant, ids: Sequence[str]) -> Sequence[str]:
        """The texts of passages that the variant was shown."""
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
    asks_every_turn = benchmark.turns == "all" and not is_shipped(benchmark.dataset)
    examples = by_turn(gold.examples) if asks_every_turn else list(gold.examples)
    attempts = _attempts(ports, benchmark, variant, examples, tools)
    tags = tags_of(examples)
    last = {example.id for example in gold.examples}
    cases = tuple(
        _case(attempt, tag, metrics, is_last=attempt.example.id in last)
        for attempt, tag in zip(attempts, tags, strict=True)
    )
    overall = measure(metrics, attempts, cases)
    keys = tuple(dict.fromkeys((*benchmark.stratify_by, *(key for key in (TURN,) if key in tags[0]))))
    return Report(
        variant=variant.name,
        variant_digest=variant.digest,
        benchmark=benchmark.name,
        gold=gold.digest,
        overall=overall,
        strata=measure_strata(metrics, attempts, cases, keys),
        missing_strata=missing_strata(tags, keys, expected_strata),
        thin_strata=thin(cases, keys),
        warnings=(*_warnings(cases, metrics, tools), *_sparse(cases, keys), *untagged(tags, keys)),
        verdicts={
            name: judge(overall[name], line) if name in overall else _open(metrics[name])
            for name, line in benchmark.thresholds.items()
        },
        came_back=Counter(what_came_back(case.answer) for case in cases),
        recipes=tuple(metric.recipe for metric in metrics.values()),
        cases=cases,
        seconds=sum(answer.latency_seconds for answer in _replies(attempts)),
        cost=_total([answer.cost for answer in _replies(attempts)]),
    )


def _open(metric: Metric) -> Verdict:
    needed = metric.applies_to or "rows that it applies to"
    reason = f"{metric.name}: no answer could be measured; it needs {needed}"
    return Verdict(outcome="not_enough_evidence", reasons=(reason,))


def what_came_back(answer: Answer) -> str:
    """answer, cut, refusal, empty, timeout or error: each row is exactly one of them, so that none is dropped."""
    if answer.text is None:
        return "timeout" if answer.finish_reason == "timeout" else "error"
    if not answer.text.strip():
        return "empty"
    if answer.finish_reason == "length":
        return "cut"
    return "refusal" if declines(answer.text) else "answer"


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
    if not faults:
        _refuse_silent(benchmark, metrics, gold, tools)
    twice = [identity for identity, count in Counter(example.id for example in gold.examples).items() if count > 1]
    faults += [f"row {identity!r} is there more than once" for identity in twice]
    if faults:
        more = [f"and {len(faults) - FAULTS_TOLD} more"] if len(faults) > FAULTS_TOLD else []
        raise Faults(f"the data set of benchmark {benchmark.name!r}", [*faults[:FAULTS_TOLD], *more])
    return metrics


def _refuse_silent(
    benchmark: BenchmarkConfig, metrics: Mapping[str, Metric], gold: GoldSet, tools: Sequence[ToolSpec]
) -> None:
    """UserError where a metric applies to no row, whatever is answered: the ideals themselves are tried."""

    def ideal(example: Example) -> Attempt:
        reply = Answer(text=example.ideal, sources=("a passage",))
        repeats = (example.ideal,) * (benchmark.samples - 1)
        return Attempt(answer=example.ideal, example=example, tools=tools, reply=reply, repeats=repeats)

    tried = [ideal(example) for example in gold.examples]
    silent = [name for name, metric in metrics.items() if all(metric.score(each) is None for each in tried)]
    if silent:
        raise UserError(
            f"no row of benchmark {benchmark.name!r} can be measured by {', '.join(silent)}",
            hint="; ".join(f"{name} needs {metrics[name].applies_to or 'an answer'}" for name in silent),
        )


def _fault_of_ideal(metric: Metric, example: Example, tools: Sequence[ToolSpec]) -> str | None:
    try:
        metric.score(Attempt(answer=example.ideal, example=example, tools=tools))
    except UserError as fault:
        return fault.message
    return None


def _attempts(
    ports: Ports, benchmark: BenchmarkConfig, variant: Variant, examples: Sequence[Example], tools: Sequence[ToolSpec]
) -> list[Attempt]:
    """One attempt at each row; further samples are drawn by the next seeds."""
    rounds = [
        _answers(ports, _sampled(variant, number), examples, number, benchmark.samples)
        for number in range(benchmark.samples)
    ]
    return [
        Attempt(
            answer=first.text,
            example=example,
            tools=tools,
            reply=first,
            passages=tuple(ports.passages(variant, first.sources)) if first.sources else (),
            repeats=tuple(each.text for each in others),
        )
        for example, first, *others in zip(examples, *rounds, strict=True)
    ]


def _sampled(variant: Variant, number: int) -> Variant:
    if not number:
        return variant
    decoding = variant.decoding.model_copy(update={"seed": variant.decoding.seed + number})
    return variant.model_copy(update={"decoding": decoding})


def _answers(ports: Ports, variant: Variant, examples: Sequence[Example], number: int, samples: int) -> list[Answer]:
    answers: list[Answer] = []
    for start in range(0, len(examples), ROWS_AT_ONCE):
        asked = [example.question for example in examples[start : start + ROWS_AT_ONCE]]
        got = ports.answer(variant, asked)
        if len(got) != len(asked):
            raise EngineFault(f"variant {variant.name!r} gave {len(got)} answers to {len(asked)} questions")
        answers += got
        ports.progress(number * len(examples) + len(answers), samples * len(examples))
    return answers


def _case(attempt: Attempt, tags: Mapping[str, str], metrics: Mapping[str, Metric], *, is_last: bool) -> Case:
    example, parsed = attempt.example, attempt.parsed
    return Case(
        example_id=example.id,
        strata=tags,
        asked=example.asked,
        ideal=example.ideal,
        answer=attempt.reply or Answer(text=attempt.answer),
        scores=dict(_scores(attempt, metrics, is_last=is_last)),
        fault=parsed.fault if attempt.tools or parsed.fault == "no_answer" else None,
        group=group_of(example),
        repeats=tuple(attempt.repeats),
    )


def _scores(attempt: Attempt, metrics: Mapping[str, Metric], *, is_last: bool) -> Iterator[tuple[str, float]]:
    """Each metric's score of the row; none where it does not apply, or where an earlier turn has no ideal for it."""
    for name, metric in metrics.items():
        if is_last or _fault_of_ideal(metric, attempt.example, attempt.tools) is None:
            score = metric.score(attempt)
            if score is not None:
                yield name, float(score)


def _replies(attempts: Sequence[Attempt]) -> Iterator[Answer]:
    yield from (attempt.reply for attempt in attempts if attempt.reply is not None)


def _warnings(cases: Sequence[Case], metrics: Mapping[str, Metric], tools: Sequence[ToolSpec]) -> list[str]:
    found = []
    if len(cases) < FEWEST_ROWS:
        found.append(f"only {len(cases)} rows; {FEWEST_ROWS} or more are asked of a benchmark")
    if silent := sum(case.answer.text is None for case in cases):
        late = sum(case.answer.finish_reason == "timeout" for case in cases)
        timed_out = f" ({late} timed out)" if late else ""
        found.append(f"{silent} of {len(cases)} rows got no answer{timed_out}, each counted as wrong")
    if unmeasured := [name for name in metrics if not any(name in case.scores for case in cases)]:
        found.append(f"no answer could be measured by {', '.join(unmeasured)}")
    if cut := sum(case.answer.finish_reason == "length" for case in cases):
        found.append(f"{cut} of {len(cases)} answers were cut at the token limit")
    if any(metric.needs_tools for metric in metrics.values()) and (
        unsound := sum(parse_call(case.ideal, tools).fault is not None for case in cases)
    ):
        found.append(f"{unsound} of {len(cases)} ideal answers are themselves no valid call")
    return found


def _sparse(cases: Sequence[Case], keys: Sequence[str]) -> list[str]:
    few = thin(cases, keys)
    told = [f"{name} ({n})" for name, n in few.items()]
    found = (
        [f"{len(few)} strata have fewer than {FEW} rows, so their figures are hints: {', '.join(told)}"] if few else []
    )
    groups = Counter(case.group for case in cases if case.group is not None)
    if (shared := sum(n for n in groups.values() if n > 1)) > len(cases) // 10:
        found.append(
            f"{shared} of {len(cases)} rows share a group ({len(groups)} groups): differences between variants are "
            "judged by whole groups; the bounds of a single figure take rows for independent"
        )
    return found


def _total(costs: Sequence[Money]) -> Money:
    spent = [cost for cost in costs if cost.amount]
    return reduce(add, spent) if spent else Money()
