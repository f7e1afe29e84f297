"""What a metric is: how one row is scored, and how the scores of many rows become a figure."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from luthier.domain.answers import Answer
from luthier.domain.calls import ParsedCall, ToolSpec, parse_call
from luthier.domain.examples import Example
from luthier.domain.measure import Measurement
from luthier.domain.reports import Recipe
from luthier.errors import EmptySample, UnknownName, UserError
from luthier.evaluate.metrics.pooled import Pooled
from luthier.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One answer, or None where there was none, at one row; the tools are those it may call."""

    answer: str | None
    example: Example
    tools: Sequence[ToolSpec] = ()
    reply: Answer | None = None
    """The answer with what it took; None where a bare text is scored."""
    passages: Sequence[str] = ()
    """Texts of the passages that were shown, in the order of `reply.sources`."""
    repeats: Sequence[str | None] = ()
    """Further answers to the same question, where a benchmark asks for `samples`."""

    @cached_property
    def parsed(self) -> ParsedCall:
        """The answer read as a call."""
        return parse_call(self.answer, self.tools)

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """Every text that the answer may rest on: what was asked and shown, and the passages."""
        return (*(message.content for message in self.example.question), *self.passages)


Score = Callable[[Attempt], float | None]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A named way to score one answer, in [0, 1] unless `bounds` says otherwise; no answer is never right.

    A row to which the metric does not apply - refusal, where an answer was asked for - scores None and is in no figure.
    """

    name: str
    score: Score
    is_share: bool
    wants_high: bool = True
    needs_tools: bool = False
    bounds: tuple[float, float] | None = (0.0, 1.0)
    pooled: Pooled | None = None
    """How all rows together make the figure, where it is no mean of rows: macro F1, corpus BLEU."""
    applies_to: str = ""
    """Which rows it needs, said when a data set has none."""
    version: int = 1
    """Raised by hand when the same answers score otherwise."""

    def measure(self, scores: Sequence[float]) -> Measurement:
        """The figure of these rows: a share with its hits, or a mean of scores."""
        if not scores:
            raise EmptySample(self.name)
        if self.is_share:
            return Measurement.of_proportion(self.name, sum(score == 1.0 for score in scores), n=len(scores))
        return Measurement.of_mean(self.name, scores, bounds=self.bounds)

    def scores(self, attempts: Sequence[Attempt]) -> list[float | None]:
        """The score of each attempt; None where it does not apply."""
        return [None if (found := self.score(each)) is None else float(found) for each in attempts]

    def measure_rows(self, attempts: Sequence[Attempt], scores: Sequence[float]) -> Measurement:
        """The figure of these rows; a pooled metric looks at the answers again."""
        if self.pooled is None or not scores:
            return self.measure(scores)
        return self.pooled.measure(
            self.name, self.pooled.tallies([(each.answer, each.example.ideal) for each in attempts])
        )

    def measure_attempts(self, attempts: Sequence[Attempt]) -> Measurement:
        """The figure of the attempts that it applies to; EmptySample where there is none."""
        both = [(each, found) for each, found in zip(attempts, self.scores(attempts), strict=True) if found is not None]
        return self.measure_rows([each for each, _ in both], [found for _, found in both])

    @property
    def recipe(self) -> Recipe:
        """How the figure is made, for whoever reads it later."""
        says, _, source = (inspect.getdoc(self.score) or "").partition("Source:")
        return Recipe(
            metric=self.name, says=" ".join(says.split()), source=" ".join(source.split()), wants_high=self.wants_high,
            version=self.version,
        )  # fmt: skip


metrics: Registry[Metric] = Registry("metric")


def share(
    name: str, *, wants_high: bool = True, needs_tools: bool = False, applies_to: str = ""
) -> Callable[[Callable[[Attempt], bool | None]], Metric]:
    """A decorator: the function says yes or no of one row, and the metric is the share of yes."""

    def register(says: Callable[[Attempt], bool | None]) -> Metric:
        metric = Metric(
            name=name, score=says, is_share=True, wants_high=wants_high, needs_tools=needs_tools, applies_to=applies_to
        )
        return metrics.add(name)(metric)

    return register


def mean(
    name: str,
    *,
    wants_high: bool = True,
    needs_tools: bool = False,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    pooled: Pooled | None = None,
    applies_to: str = "",
) -> Callable[[Score], Metric]:
    """A decorator: the function scores one row within the bounds, and the metric is the mean, or pools all rows."""

    def register(score: Score) -> Metric:
        metric = Metric(
            name=name, score=score, is_share=False, wants_high=wants_high, needs_tools=needs_tools, bounds=bounds,
            pooled=pooled, applies_to=applies_to,
        )  # fmt: skip
        return metrics.add(name)(metric)

    return register


class UnknownMetrics(UnknownName):
    """A benchmark names metrics that nobody registered; all of them are told at once."""

    def __init__(self, benchmark: str, names: Sequence[str], known: Sequence[str]) -> None:
        UserError.__init__(
            self,
            f"benchmark {benchmark!r} names {'metrics' if len(names) > 1 else 'a metric'} that nobody registered:"
            f" {', '.join(names)}",
            hint=f"choose from {', '.join(known)}",
        )
        self.kind, self.name, self.names = "metric", names[0], tuple(names)


def chosen(benchmark: str, names: Sequence[str]) -> dict[str, Metric]:
    """The metrics of these names in this order, or UnknownMetrics with every name that does not exist."""
    known = metrics.names()
    if unknown := [name for name in names if name not in known]:
        raise UnknownMetrics(benchmark, unknown, known)
    return {name: metrics.get(name) for name in names}
