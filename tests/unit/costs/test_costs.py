"""Money: totals are exact and free of order, ratios are refused where they would be no number."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.costs.arithmetic import (
    by_bucket,
    cost_of_ownership,
    cost_per_solved,
    machine_time,
    payback_months,
    per_answer,
    per_task,
    total,
    upkeep_per_month,
)
from luthier.costs.config import CostsConfig
from luthier.costs.stage import run
from luthier.costs.types import Cost
from luthier.domain.answers import Answer
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.reports import Case, Report
from luthier.errors import EmptySample, NotEnoughEvidence, UserError

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=6)
costs = st.lists(st.builds(Cost, bucket=st.sampled_from(["data", "training"]), amount=amounts, currency=st.just("EUR")))


def eur(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def entry(bucket: str, amount: str, currency: str = "EUR") -> Cost:
    return Cost(bucket=bucket, amount=Decimal(amount), currency=currency)


def report(name: str, *, solved: int, of: int, seconds: float = 0.0, cost: str = "0") -> Report:
    rows = tuple(
        Case(example_id=str(row), strata={}, asked="q", ideal="a", answer=Answer(text="a"),
             scores={"exact_match": float(row < solved)})
        for row in range(of)
    )  # fmt: skip
    figures = {"exact_match": Measurement.of_proportion("exact_match", solved, n=of)} if of else {}
    return Report(
        variant=name, variant_digest=name, benchmark="task", gold="g", overall=figures, strata={}, cases=rows,
        seconds=seconds, cost=eur(cost),
    )  # fmt: skip


@given(costs, st.randoms(use_true_random=False))
def test_totals_are_exact_and_do_not_depend_on_the_order(sample: list[Cost], rng: Random) -> None:
    shuffled = list(sample)
    rng.shuffle(shuffled)
    assert total(shuffled, "EUR") == total(sample, "EUR")
    assert Fraction(total(sample, "EUR").amount) == sum((Fraction(cost.amount) for cost in sample), Fraction(0))
    assert by_bucket(shuffled, "EUR") == by_bucket(sample, "EUR")


@given(costs)
def test_buckets_add_up_to_the_total(sample: list[Cost]) -> None:
    parts = [Cost(bucket="all", amount=money.amount, currency="EUR") for money in by_bucket(sample, "EUR").values()]
    assert total(parts, "EUR") == total(sample, "EUR")


@given(amounts, st.integers(max_value=0))
def test_nothing_solved_gives_no_figure(amount: Decimal, solved: int) -> None:
    with pytest.raises(NotEnoughEvidence, match="no task was solved"):
        cost_per_solved(Money(amount=amount), solved)


@given(amounts, st.integers(min_value=1, max_value=10**6))
def test_a_ratio_is_within_half_a_millionth_of_the_exact_one(amount: Decimal, solved: int) -> None:
    got = cost_per_solved(Money(amount=amount), solved)
    assert abs(Fraction(got.amount) - Fraction(amount) / solved) <= Fraction(1, 2_000_000)


def test_another_currency_is_refused_and_never_added() -> None:
    with pytest.raises(UserError, match="is in USD and the project counts in EUR"):
        total([entry("data", "1"), entry("data", "1", "USD")], "EUR")


def test_tenths_add_without_a_trace_of_floats() -> None:
    assert total([entry("data", "0.1")] * 3, "EUR").amount == Decimal("0.3")


def test_machine_time_is_seconds_at_the_hour_s_price() -> None:
    assert machine_time(90.0, Decimal("2.40"), "EUR") == eur("0.060000")
    assert machine_time(1.0, Decimal(1), "EUR") == eur("0.000278")  # 1 / 3600


def test_no_answers_have_no_mean_cost() -> None:
    with pytest.raises(NotEnoughEvidence, match="no answer"):
        per_answer(eur("3"), 0)


def test_ownership_is_build_upkeep_and_answers() -> None:
    upkeep = upkeep_per_month(eur("73000"), Decimal("0.12"))
    assert upkeep == 730
    owned = cost_of_ownership(eur("73000"), Fraction("0.002"), upkeep=upkeep, tasks_per_month=100_000, months=24)
    assert owned.amount == Decimal("73000") + 24 * (Decimal("730") + Decimal("200"))


def test_payback_is_the_build_over_what_a_month_saves() -> None:
    months = payback_months(
        eur("73000"),
        Fraction("0.002"),
        upkeep=Fraction(730),
        tasks_per_month=20_000,
        cost_per_task_now=Decimal("0.50"),
        solved_share=0.8,
    )
    assert months == (Decimal(73000) / Decimal(7230)).quantize(Decimal("0.000001"))  # 20,000 x (0.40 - 0.002) - 730


def test_a_month_that_saves_nothing_never_pays_back() -> None:
    with pytest.raises(NotEnoughEvidence, match="never paid back"):
        payback_months(
            eur("10"),
            Fraction("0.5"),
            upkeep=Fraction(0),
            tasks_per_month=5,
            cost_per_task_now=Decimal("0.5"),
            solved_share=1.0,
        )


def test_the_report_counts_engine_charges_and_machine_time_per_solved_task() -> None:
    config = CostsConfig(serving_hour_price=Decimal("3.6"))
    found = run(config, [], [report("tuned", solved=400, of=500, seconds=100.0, cost="0.9")])
    (variant,) = found.variants
    assert (variant.total, variant.per_answer, variant.per_solved) == (eur("1.000000"), eur("0.002"), eur("0.0025"))
    assert (variant.solved.hits, variant.solved.n) == (400, 500)


def test_a_variant_that_solves_nothing_has_no_cost_per_solved_task_and_a_note() -> None:
    found = run(CostsConfig(), [], [report("prompt", solved=0, of=500, cost="2")])
    assert found.variants[0].per_solved is None
    assert any("'prompt' solved nothing" in note for note in found.notes)


def test_a_stated_figure_counts_only_where_the_ledger_is_silent() -> None:
    config = CostsConfig(labelling=Decimal(18_000), engineering=Decimal(55_000))
    found = run(config, [entry("labelling", "2500.50"), entry("serving", "7")], [])
    assert found.build == {"engineering": eur("55000"), "labelling": eur("2500.50")}
    assert (found.build_total, found.running) == (eur("57500.50"), {"serving": eur("7")})
    assert [note.split(":")[0] for note in found.notes[:1]] == ["engineering"]


def test_payback_comes_with_both_ends_of_the_measured_share() -> None:
    config = CostsConfig(
        engineering=Decimal(12_000), cost_per_task_now=Decimal(1), tasks_per_month=1_000,
        maintenance_share_per_year=Decimal(0),
    )  # fmt: skip
    found = run(config, [], [report("tuned", solved=50, of=100)])
    paid = found.payback["tuned"]
    assert paid.months == Decimal(24)
    assert paid.latest_months is not None
    assert paid.soonest_months < paid.months < paid.latest_months
    assert found.total_cost_of_ownership["tuned"] == eur("12000")


def test_a_cost_per_task_is_not_rounded_before_it_is_multiplied() -> None:
    config = CostsConfig(tasks_per_month=10_000_000, horizon_months=24, cost_per_task_now=Decimal(1))
    found = run(config, [], [report("tuned", solved=9_000, of=9_000, cost="0.01")])
    assert found.total_cost_of_ownership["tuned"] == eur("266.666667")  # 0.01 / 9,000 x 240,000,000


@given(
    build=st.decimals(min_value=0, max_value=10**6, places=2),
    spent=st.decimals(min_value=0, max_value=10**4, places=6),
    answers=st.integers(min_value=1, max_value=10**5),
    tasks=st.integers(min_value=1, max_value=10**8),
    months=st.integers(min_value=1, max_value=60),
)
def test_ownership_is_within_half_a_millionth_of_the_exact_sum(
    build: Decimal, spent: Decimal, answers: int, tasks: int, months: int
) -> None:
    upkeep = upkeep_per_month(Money(amount=build), Decimal("0.15"))
    task = per_task(Money(amount=spent), answers)
    owned = cost_of_ownership(Money(amount=build), task, upkeep=upkeep, tasks_per_month=tasks, months=months)
    exact = Fraction(build) * (1 + Fraction(15, 1200) * months) + Fraction(spent) / answers * tasks * months
    assert abs(Fraction(owned.amount) - exact) <= Fraction(1, 2_000_000)


def test_answers_of_earlier_turns_cost_what_the_task_costs() -> None:
    config = CostsConfig(tasks_per_month=100, horizon_months=1, maintenance_share_per_year=Decimal(0))
    asked = report("tuned", solved=2, of=2, cost="4")
    turns = tuple(
        case.model_copy(update={"example_id": f"{case.example_id}#turn-1", "scores": {}}) for case in asked.cases
    )
    found = run(config, [], [asked.model_copy(update={"cases": (*asked.cases, *turns)})])
    (variant,) = found.variants
    assert (variant.answers, variant.solved.n, variant.per_answer) == (4, 2, eur("1.000000"))
    assert found.total_cost_of_ownership["tuned"] == eur("200.000000")  # 100 tasks at 2, each of two answers


def test_a_solved_task_costs_between_the_ends_of_the_share_that_is_solved() -> None:
    found = run(CostsConfig(), [], [report("tuned", solved=90, of=100, cost="9"), report("prompt", solved=0, of=10)])
    tuned, prompt = found.variants
    assert tuned.per_solved == eur("0.1")
    assert tuned.per_solved_high is not None
    assert Fraction(tuned.per_solved_low.amount) == round(Fraction("0.09") / Fraction(str(tuned.solved.high)), 6)
    assert Fraction(tuned.per_solved_high.amount) == round(Fraction("0.09") / Fraction(str(tuned.solved.low)), 6)
    assert prompt.per_solved_high is None


def test_two_amounts_far_apart_add_without_rounding() -> None:
    assert (eur("1e20") + eur("1e-9")).amount == Decimal("100000000000000000000.000000001")


def test_what_is_not_stated_is_said_and_not_assumed() -> None:
    found = run(CostsConfig(), [], [report("tuned", solved=50, of=100)])
    assert (dict(found.payback), dict(found.total_cost_of_ownership)) == ({}, {})
    assert any("tasks_per_month" in note for note in found.notes)


def test_an_empty_report_and_an_unmeasured_metric_are_refused() -> None:
    with pytest.raises(EmptySample):
        run(CostsConfig(), [], [report("tuned", solved=0, of=0)])
    with pytest.raises(UserError, match="no score 'f1'"):
        run(CostsConfig(solved_metric="f1"), [], [report("tuned", solved=1, of=2)])
