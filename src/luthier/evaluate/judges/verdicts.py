"""A variant's answers as a judge sees them: mean mark or share of pairs won, with what could not be read."""

from collections.abc import Mapping, Sequence

from pydantic import Field

from luthier.domain.measure import Measurement
from luthier.domain.reports import Case, Report
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict, judge
from luthier.errors import Refused
from luthier.evaluate.judges.config import JudgeConfig
from luthier.evaluate.judges.items import UNREADABLE, A, B, Item
from luthier.evaluate.judges.panel import Opinion, Ports, opinions

NO_ANSWER = "(no answer)"
_WON = {A: 1.0, B: 0.0}


class JudgeReport(Value):
    """One judge on one variant's answers to one benchmark."""

    judge: str
    judge_digest: str
    variant: str
    variant_digest: str
    benchmark: str
    against: str | None = Field(description="The variant whose answers the pairs were made with.")
    figure: Measurement = Field(description="What could not be read counts as the worst for this variant.")
    kindest: Measurement = Field(description="The same figure, had it counted as the best.")
    unreadable: int = Field(ge=0)
    order_bound: int = Field(ge=0, description="Pairs that were judged by the place of the answers; each is a tie.")
    line: str | None = Field(description="What the figure is held against.")
    verdict: Verdict | None = Field(description="None: the judge has no line.")
    opinions: tuple[Opinion, ...]


def judged(
    ports: Ports, name: str, config: JudgeConfig, report: Report, other: Report | None, *, judge_digest: str
) -> JudgeReport:
    """What the judge makes of a report's answers.

    No answer is never shown to the judge: it has the lowest mark, and loses against any answer. A verdict that cannot
    be read is counted both ways, and a line that only one of them keeps to is not decided.
    """
    items = _items(config, report, other)
    shown = [item for item in items if NO_ANSWER not in item.answers]
    given = {opinion.item: opinion for opinion in opinions(ports, config, shown)} if shown else {}
    everything = [given.get(item.id) or _without_asking(config, item) for item in items]
    worst, best = (_figure(config, everything, unread) for unread in _range(config))
    return JudgeReport(
        judge=name, judge_digest=judge_digest, variant=report.variant, variant_digest=report.variant_digest,
        benchmark=report.benchmark, against=other.variant if other else None, figure=worst, kindest=best,
        unreadable=sum(opinion.label == UNREADABLE for opinion in everything),
        order_bound=sum(opinion.is_order_bound for opinion in everything) if config.kind == "pairwise" else 0,
        line=config.threshold, verdict=_verdict(config, worst, best), opinions=tuple(everything),
    )  # fmt: skip


def _items(config: JudgeConfig, report: Report, other: Report | None) -> list[Item]:
    if config.kind == "rubric":
        return [_item(case, (_text(case),)) for case in report.cases]
    if other is None or (report.benchmark, report.gold) != (other.benchmark, other.gold):
        raise Refused(
            f"{report.variant!r} was not measured on the same rows as what it is to be better than",
            hint="run `luthier evaluate run` on both",
        )
    theirs: Mapping[str, Case] = {case.example_id: case for case in other.cases}
    return [_item(case, (_text(case), _text(theirs[case.example_id]))) for case in report.cases]


def _item(case: Case, answers: tuple[str, ...]) -> Item:
    return Item(id=case.example_id, question=case.asked, answers=answers, reference=case.ideal)


def _text(case: Case) -> str:
    return (case.answer.text or "").strip() or NO_ANSWER


def _without_asking(config: JudgeConfig, item: Item) -> Opinion:
    """The lowest mark for no answer; of a pair the other wins, and two that are not there are equal."""
    if config.kind == "rubric":
        return Opinion(item=item.id, votes=(), label=config.marks[0])
    mine, theirs = (answer == NO_ANSWER for answer in item.answers)
    return Opinion(item=item.id, votes=(), label="tie" if mine and theirs else B if mine else A)


def _range(config: JudgeConfig) -> tuple[float, float]:
    """The figures of the worst and the best verdict."""
    return (float(config.marks[0]), float(config.marks[1])) if config.kind == "rubric" else (0.0, 1.0)


def _figure(config: JudgeConfig, given: Sequence[Opinion], unread: float) -> Measurement:
    scores = [unread if opinion.label == UNREADABLE else _score(config, opinion) for opinion in given]
    name = "mean_mark" if config.kind == "rubric" else "pairs_won"
    return Measurement.of_mean(name, scores, bounds=_range(config))


def _score(config: JudgeConfig, opinion: Opinion) -> float:
    return float(opinion.label) if config.kind == "rubric" else _WON.get(str(opinion.label), 0.5)


def _verdict(config: JudgeConfig, worst: Measurement, best: Measurement) -> Verdict | None:
    if config.line is None:
        return None
    found = judge(worst, config.line)
    if judge(best, config.line).outcome == found.outcome:
        return found
    reason = f"{found.reasons[0]}; verdicts that could not be read would decide, so the judge must be asked better"
    return Verdict(outcome="not_enough_evidence", reasons=(reason,))
