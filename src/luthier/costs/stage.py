"""The cost report: from the ledger, the reports and the stated prices to figures per solved task."""

from collections.abc import Sequence
from fractions import Fraction

from luthier.costs.arithmetic import (
    by_bucket,
    cost_of_ownership,
    cost_per_solved,
    machine_time,
    payback,
    per_answer,
    per_task,
    solved_cost_range,
    total,
    upkeep_per_month,
)
from luthier.costs.config import CostsConfig
from luthier.costs.types import BUILD_BUCKETS, Cost, CostReport, Payback, VariantCost
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.reports import Report, row_of
from luthier.errors import EmptySample, NotEnoughEvidence, UserError

STAGE_VERSION = 1


def run(config: CostsConfig, costs: Sequence[Cost], reports: Sequence[Report]) -> CostReport:
    """Everything that can be said from these; what cannot be said is named and never filled in."""
    stated, notes = _stated(config, costs)
    listed = [*costs, *stated]
    build = [cost for cost in listed if cost.bucket in BUILD_BUCKETS]
    build_total = total(build, config.currency)
    variants = tuple(variant_cost(config, report) for report in reports)
    notes += [f"{each.variant!r} solved nothing, so it has no cost per solved task" for each in _unsolving(variants)]
    ownership, paid_back, more = _outlook(config, build_total, variants)
    return CostReport(
        build=by_bucket(build, config.currency),
        build_total=build_total,
        running=by_bucket((cost for cost in listed if cost.bucket not in BUILD_BUCKETS), config.currency),
        variants=variants,
        total_cost_of_ownership=ownership,
        payback=paid_back,
        notes=(*notes, *more),
    )


def variant_cost(config: CostsConfig, report: Report) -> VariantCost:
    """What the report's answers cost: what engines charged and the machine's time."""
    if not report.cases:
        raise EmptySample(f"the cost of variant {report.variant!r}")
    whole = [case for case in report.cases if row_of(case.example_id) == case.example_id]
    if any(config.solved_metric not in case.scores for case in whole):
        raise UserError(
            f"the report of {report.variant!r} has no score {config.solved_metric!r}",
            hint="measure it in the benchmark, or set `costs.solved_metric` to a metric that is measured",
        )
    scored = [case.scores[config.solved_metric] for case in report.cases if config.solved_metric in case.scores]
    solved = sum(score == 1.0 for score in scored)
    spent, share = _spent(config, report), Measurement.of_proportion("solved", solved, n=len(scored))
    low, high = solved_cost_range(spent, share)
    return VariantCost(
        variant=report.variant,
        solved=share,
        total=spent,
        per_answer=per_answer(spent, len(report.cases)),
        per_solved=cost_per_solved(spent, solved) if solved else None,
        per_solved_low=low,
        per_solved_high=high,
        answers=len(report.cases),
    )


def _spent(config: CostsConfig, report: Report) -> Money:
    charged = [report.cost] if report.cost.amount else []
    machine = machine_time(report.seconds, config.serving_hour_price, config.currency)
    spent = [Cost(bucket="serving", amount=money.amount, currency=money.currency) for money in (*charged, machine)]
    return total(spent, config.currency)


def _stated(config: CostsConfig, costs: Sequence[Cost]) -> tuple[list[Cost], list[str]]:
    """The project file's figures for buckets that the ledger does not know, each with a note."""
    entered = {cost.bucket for cost in costs}
    figures = {"labelling": config.labelling, "engineering": config.engineering}
    used = {bucket: amount for bucket, amount in figures.items() if amount and bucket not in entered}
    stated = [Cost(bucket=bucket, amount=amount, currency=config.currency) for bucket, amount in used.items()]
    notes = [f"{bucket}: the figure stated in the project file, as the ledger has no entry" for bucket in used]
    return stated, notes


def _unsolving(variants: Sequence[VariantCost]) -> list[VariantCost]:
    return [each for each in variants if each.per_solved is None]


def _outlook(
    config: CostsConfig, build: Money, variants: Sequence[VariantCost]
) -> tuple[dict[str, Money], dict[str, Payback], list[str]]:
    """Ownership and payback of each variant, or why there is none."""
    if config.tasks_per_month is None:
        return {}, {}, ["no total cost of ownership and no payback: `costs.tasks_per_month` is not stated"]
    upkeep = upkeep_per_month(build, config.maintenance_share_per_year)
    ownership = {
        each.variant: cost_of_ownership(
            build, _task(each), upkeep=upkeep, tasks_per_month=config.tasks_per_month, months=config.horizon_months
        )
        for each in variants
    }
    if config.cost_per_task_now is None:
        return ownership, {}, ["no payback: `costs.cost_per_task_now` is not stated"]
    found, notes = dict[str, Payback](), list[str]()
    for each in variants:
        try:
            found[each.variant] = payback(
                build, _task(each), upkeep=upkeep, tasks_per_month=config.tasks_per_month,
                cost_per_task_now=config.cost_per_task_now, solved=each.solved,
            )  # fmt: skip
        except NotEnoughEvidence as fault:
            notes.append(f"{each.variant!r}: {fault.message}")
    return ownership, found, notes


def _task(cost: VariantCost) -> Fraction:
    return per_task(cost.total, cost.solved.n)
