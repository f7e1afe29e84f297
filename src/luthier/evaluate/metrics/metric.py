"""What a metric is: how one row is scored, and how the scores of many rows become a figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from luthier.domain.calls import ParsedCall, ToolSpec, parse_call
from luthier.domain.examples import Example
from luthier.domain.measure import Measurement
from luthier.errors import EmptySample, UnknownName, UserError
from luthier.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One answer, or None where there was none, at one row; the tools are those it may call."""

    answer: str | None
    example: Example
    tools: Sequence[ToolSpec] = ()

    @cached_property
    def parsed(self) -> ParsedCall:
        """The answer read as a call."""
        return parse_call(self.answer, self.tools)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A named way to score one answer in [0, 1]; no answer is never right."""

    name: str
    score: Callable[[Attempt], float]
    is_share: bool
    wants_high: bool = True
    needs_tools: bool = False

    def measure(self, scores: Sequence[float]) -> Measurement:
        """The figure of these rows: a share with its hits, or a mean of scores between 0 and 1."""
        if not scores:
            raise EmptySample(self.name)
        if self.is_share:
            return Measurement.of_proportion(self.name, sum(score == 1.0 for score in scores), n=len(scores))
        return Measurement.of_mean(self.name, scores, bounds=(0.0, 1.0))


metrics: Registry[Metric] = Registry("metric")


def share(
    name: str, *, wants_high: bool = True, needs_tools: bool = False
) -> Callable[[Callable[[Attempt], bool]], Metric]:
    """A decorator: the function says yes or no of one row, and the metric is the share of yes."""

    def register(says: Callable[[Attempt], bool]) -> Metric:
        metric = Metric(name=name, score=says, is_share=True, wants_high=wants_high, needs_tools=needs_tools)
        return metrics.add(name)(metric)

    return register


def mean(
    name: str, *, wants_high: bool = True, needs_tools: bool = False
) -> Callable[[Callable[[Attempt], float]], Metric]:
    """A decorator: the function scores one row between 0 and 1, and the metric is the mean."""

    def register(score: Callable[[Attempt], float]) -> Metric:
        metric = Metric(name=name, score=score, is_share=False, wants_high=wants_high, needs_tools=needs_tools)
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
