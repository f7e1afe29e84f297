"""The figures of a report: which charts there are, what each says, and what its whiskers are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from luthier.domain.compare import PairedDifference
from luthier.domain.decisions import FailureKind
from luthier.domain.money import Money
from luthier.lifecycle.report.charts.curves import curves_chart, strips_of
from luthier.lifecycle.report.charts.heat import HeatRow, heat_chart
from luthier.lifecycle.report.charts.learning import Belief, learning_chart
from luthier.lifecycle.report.charts.rows import Group, Line, Row, Tone, rows_chart
from luthier.lifecycle.report.charts.timeline import Ending, Lane, Span, Verdict, timeline_chart
from luthier.lifecycle.report.facts import Facts, RolloutFacts, VariantFacts
from luthier.lifecycle.report.words import FAILURES, figure, money, plain

WIDE, NARROW = 800.0, 344.0
TAIL = 0.04
Name = Literal["variants", "paired", "strata", "failures", "curves", "learning", "timeline", "costs"]
_BETTER_FIRST = -1


@dataclass(frozen=True)
class Figure:
    """One chart, drawn for wide and for narrow paper, with what it shows in words."""

    title: str
    caption: str
    wide: str
    narrow: str


def figures(facts: Facts) -> dict[Name, Figure]:
    """Every chart that the facts allow, in the order of the page."""
    makers: dict[Name, Callable[[Facts], Figure | None]] = {
        "variants": variants_figure,
        "paired": paired_figure,
        "strata": strata_figure,
        "failures": failures_figure,
        "curves": curves_figure,
        "learning": learning_figure,
        "timeline": timeline_figure,
        "costs": costs_figure,
    }
    made = {name: make(facts) for name, make in makers.items()}
    return {name: found for name, found in made.items() if found is not None}


def ordered(facts: Facts) -> list[VariantFacts]:
    """Variants with the best on the primary metric first."""
    metric = facts.primary_metric
    sign = 1 if metric in facts.lower_is_better else _BETTER_FIRST
    measured = [each for each in facts.variants if metric in each.overall]
    return sorted(measured, key=lambda each: sign * each.overall[metric].value)


def variants_figure(facts: Facts) -> Figure | None:
    """Every variant's primary metric with its interval, best first."""
    variants, metric = ordered(facts), facts.primary_metric
    if not variants:
        return None
    rows = [_variant_row(each, metric) for each in variants]
    title = f"{metric} of every variant on {facts.benchmark}"
    method = variants[0].overall[metric].method
    interval = {"wilson": "Wilson score", "student_t": "Student's t", "bootstrap": "percentile bootstrap"}[method]
    caption = (
        f"Share of gold rows by variant, best first; n is written beside each figure. Whiskers are 95% {interval} "
        "intervals of the variant alone. Filled dots carry the adapter, open dots are baselines"
        f"{', diamonds are the control run trained on shuffled answers' if _has_control(facts) else ''}."
    )
    return _figure(title, caption, lambda width: rows_chart(title, [Group("", rows)], axis=metric, width=width,
                                                            domain=(0.0, 1.0)))  # fmt: skip


def paired_figure(facts: Facts) -> Figure | None:
    """Every tuned variant against the others, row by row."""
    tuned = [each for each in ordered(facts) if each.kind == "tuned"]
    groups = [Group(f"{each.name} against", [_pair_row(pair) for pair in _pairs(facts, each.name)]) for each in tuned]
    groups = [group for group in groups if group.rows]
    if not groups:
        return None
    title = f"Paired differences in {facts.primary_metric}"
    caption = (
        "Gain of the tuned variant over each other variant on the same gold rows, to the right is better; "
        f"n = {_pairs(facts, tuned[0].name)[0].n:,} pairs each. Whiskers are 95% bootstrap intervals of the mean "
        "difference. Filled: the interval lies above zero; diamond: below zero; open: it covers zero."
    )
    return _figure(
        title,
        caption,
        lambda width: rows_chart(
            title, groups, axis=f"difference in {facts.primary_metric}", width=width, line=Line(0.0, "no difference")
        ),
    )


def strata_figure(facts: Facts) -> Figure | None:
    """The primary metric per stratum and variant."""
    variants, metric = ordered(facts), facts.primary_metric
    strata = list(dict.fromkeys(name for each in variants for name in each.strata))
    rows = []
    for stratum in strata:
        figures = [each.strata.get(stratum, {}).get(metric) for each in variants]
        n = max((found.n for found in figures if found), default=0)
        if n:
            rows.append(HeatRow(stratum, f"n = {n:,}", [found.value if found else None for found in figures]))
    if not rows:
        return None
    title = f"{metric} by stratum"
    caption = (
        f"Mean {metric} of each variant within each stratum of the gold set; n is the stratum's rows. The stronger "
        "the shade, the higher. Intervals are in the table below; strata are small, differences there are hints only."
    )
    return _figure(title, caption, lambda width: heat_chart(title, [v.name for v in variants], rows, width=width))


def failures_figure(facts: Facts) -> Figure | None:
    """How the baselines failed, by kind."""
    tables = facts.decision.failures if facts.decision else ()
    kinds: list[FailureKind] = list(dict.fromkeys(group.kind for table in tables for group in table.groups))
    groups = []
    for kind in kinds:
        found = [(table.variant, group) for table in tables if (group := table.group(kind)) is not None]
        rows = [
            Row(name, g.share.value, g.share.low, g.share.high, f"{g.rows:,} of {g.share.n:,}") for name, g in found
        ]
        groups.append(Group(FAILURES[kind], rows))
    if not groups:
        return None
    title = "How the baselines failed"
    caption = (
        "Share of all rows asked that failed in each way, per baseline, with counts; one row may fail in several ways. "
        "Whiskers are 95% Wilson intervals."
    )
    return _figure(
        title, caption, lambda width: rows_chart(title, groups, axis="share of rows", width=width, shape="bar")
    )


def curves_figure(facts: Facts) -> Figure | None:
    """The training run's curves."""
    run = facts.training
    if run is None or not any(p.train_loss is not None or p.validation_loss is not None for p in run.curve):
        return None
    title = "Training run: loss in nats per target token"
    caption = (
        f"Loss per target token over {run.curve[-1].step:,} optimizer steps ({run.tokens_seen:,} tokens seen). Light: "
        "each measured point; dark: their moving mean; dots: loss on the validation split. The dashed line marks "
        f"step {run.best_step:,}, whose adapter was kept. Below, each on an axis from nought: "
        f"{', '.join(strip.name for strip in strips_of(run.curve)) or 'nothing else was measured'}. "
        "A single run: there is no interval."
    )
    return _figure(title, caption, lambda width: curves_chart(title, run.curve, run.best_step, width=width))


def learning_figure(facts: Facts) -> Figure | None:
    """The loss against the number of rows, and twice the rows."""
    found = facts.learning
    if found is None:
        return None
    runs = [(float(each.rows), each.loss) for each in found.runs]
    law = [Belief(each.rows, each.loss, each.low, each.high) for each in found.band]
    title = "Validation loss by number of training rows"
    said = "Too few sizes for a law, so there is no line and no interval."
    if found.law is not None:
        said = (
            "The line is the power law through them, dashed where nobody measured; the band is its 95% interval, from "
            f"a parametric bootstrap on {found.law.degrees} degrees of freedom, and does not hold for curves that "
            "follow no power law."
        )
    caption = (
        f"Each dot is one run on a nested part of the rows, with as many steps as on all (n = {len(runs)}). {said}"
    )
    return _figure(title, caption, lambda width: learning_chart(title, runs, law, width=width))


def timeline_figure(facts: Facts) -> Figure | None:
    """Who answered whom, over time."""
    if not facts.traffic:
        return None
    last = max([facts.traffic[-1].at, *(each.ended_at or each.began_at for each in facts.rollouts)])
    end = last + max((last - facts.traffic[0].at) * TAIL, timedelta(seconds=1))
    lanes = [_lane(facts, release.id, release.variant, end) for release in facts.releases]
    lanes = [lane for lane in lanes if lane.spans]
    if not lanes:
        return None
    title = "Share of users per release"
    caption = (
        "Share of users that each release answered over time, from the recorded events of the controller. Marks stand "
        "at the end of a stage: dot with tick, passed; diamond with cross, failed; open dot, cut short by a person. "
        "A release drawn in the warning colour was taken back; bands are times under the kill switch."
    )
    killed = _killed(facts, end)
    return _figure(title, caption, lambda width: timeline_chart(title, lanes, killed, width=width))


def costs_figure(facts: Facts) -> Figure | None:
    """What was spent per bucket."""
    if facts.costs is None or not (facts.costs.build or facts.costs.running):
        return None
    groups = [Group("before the first customer", _cost_rows(facts.costs.build)),
              Group("since", _cost_rows(facts.costs.running))]  # fmt: skip
    groups = [group for group in groups if group.rows]
    currency = facts.costs.build_total.currency
    title = "Costs by bucket"
    caption = (
        f"Exact sums in {currency} of the ledger's entries, and of stated figures where the ledger has none "
        "(see the notes). These are sums, not samples: there is no interval."
    )
    return _figure(title, caption, lambda width: rows_chart(title, groups, axis=currency, width=width, shape="bar"))


def _figure(title: str, caption: str, draw: Callable[[float], str]) -> Figure:
    return Figure(title, caption, draw(WIDE), draw(NARROW))


def _variant_row(variant: VariantFacts, metric: str) -> Row:
    found = variant.overall[metric]
    text = f"{figure(found.value)}  n = {found.n:,}"
    return Row(variant.name, found.value, found.low, found.high, text, variant.kind)


def _pairs(facts: Facts, name: str) -> list[PairedDifference]:
    known = {each.name for each in facts.variants}
    found = [p for p in facts.differences if p.variant == name and p.metric == facts.primary_metric]
    return sorted((p for p in found if p.other in known), key=lambda pair: -pair.gain[0])


def _pair_row(pair: PairedDifference) -> Row:
    gain, low, high = pair.gain
    tone: Tone = "better" if low > 0 else "worse" if high < 0 else "unclear"
    return Row(pair.other, gain, low, high, f"{gain:+.3f}", tone)


def _has_control(facts: Facts) -> bool:
    return any(each.kind == "control" for each in facts.variants)


def _lane(facts: Facts, release: str, variant: str, end: datetime) -> Lane:
    ends = [point.at for point in facts.traffic[1:]] + [end]
    spans = [
        Span(point.at, until, point.percent[release])
        for point, until in zip(facts.traffic, ends, strict=True)
        if point.percent.get(release)
    ]
    mine = [each for each in facts.rollouts if each.release == release]
    verdicts = [verdict for rollout in mine for verdict in _verdicts(rollout)]
    status = f": {_ending(mine[-1])}" if mine else ""
    return Lane(f"{release}, {variant}{status}", spans, verdicts, is_bad=bool(mine) and mine[-1].status == "reverted")


def _ending(rollout: RolloutFacts) -> str:
    if rollout.status in {"reverted", "killed"} and rollout.stages:
        return f"{rollout.status} at {rollout.stages[-1].percent:g}%"
    return plain(rollout.status)


def _verdicts(rollout: RolloutFacts) -> list[Verdict]:
    found = []
    for stage in rollout.stages:
        if stage.left_at is not None:
            outcome: Ending = stage.verdict.outcome if stage.verdict else "none"
            found.append(Verdict(stage.left_at, outcome))
    return found


def _killed(facts: Facts, end: datetime) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    begin: datetime | None = None
    for switch in facts.switches:
        if switch.kind == "killed" and begin is None:
            begin = switch.at
        elif switch.kind == "resumed" and begin is not None:
            found.append((begin, switch.at))
            begin = None
    return [*found, (begin, end)] if begin is not None else found


def _cost_rows(buckets: Mapping[str, Money]) -> Sequence[Row]:
    ranked = sorted(buckets.items(), key=lambda pair: -pair[1].amount)
    return [Row(name, float(v.amount), float(v.amount), float(v.amount), money(v)) for name, v in ranked]
