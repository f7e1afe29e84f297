import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.measure import Measurement
from luthier.domain.verdicts import Comparator, Outcome, Threshold, Verdict, combine, judge, most_misses
from luthier.errors import UserError

RANK = {"pass": 0, "not_enough_evidence": 1, "fail": 2}
comparators = st.sampled_from([">=", "<=", ">", "<"])
limits = st.floats(allow_nan=False, allow_infinity=False)
verdicts = st.builds(
    Verdict, outcome=st.sampled_from(["pass", "fail", "not_enough_evidence"]), reasons=st.tuples(st.text())
)


def outcome(hits: int, n: int, line: str) -> Outcome:
    return judge(Measurement.of_proportion("share", hits, n=n), Threshold.parse(line)).outcome


@pytest.mark.parametrize(
    ("hits", "n", "line", "expected"),
    [
        (8, 500, "<= 3%", "pass"),  # exact upper bound 0.0287
        (9, 500, "<= 3%", "not_enough_evidence"),  # 0.0312
        (30, 500, "<= 3%", "fail"),
        (99, 100, ">= 0.95", "pass"),  # exact lower bound 0.9534
        (98, 100, ">= 0.95", "not_enough_evidence"),  # 0.9382
        (96, 100, ">= 0.95", "not_enough_evidence"),
        (80, 100, ">= 0.95", "fail"),
        (0, 149, "<= 0.02", "pass"),  # 1 - 0.05 ** (1/149) = 0.0199
        (0, 148, "<= 0.02", "not_enough_evidence"),  # 0.02004
        (4, 500, "<= 0.02", "pass"),  # 0.0182
        (5, 500, "<= 0.02", "not_enough_evidence"),  # 0.0209
    ],
)
def test_figures_of_the_requirements(hits: int, n: int, line: str, expected: str) -> None:
    assert outcome(hits, n, line) == expected


def test_a_point_estimate_above_the_line_is_not_enough() -> None:
    assert outcome(10, 10, ">= 0.95") == "not_enough_evidence"


def test_a_verdict_shows_figure_and_n_and_line() -> None:
    [reason] = judge(Measurement.of_proportion("refusal_rate", 96, n=100), Threshold.parse(">= 0.95")).reasons
    assert "refusal_rate = 0.96 (n = 100)" in reason
    assert ">= 0.95" in reason


@pytest.mark.parametrize(
    "text", ["=> 0.95", "0.95", ">= high", "", ">= 1 2", "== 0.9", ">= nan", ">= 1e999", "≥ 0.9", ">= ٣", ">=", "> = 1"]
)
def test_malformed_thresholds_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="is not a threshold") as refused:
        Threshold.parse(text)
    assert ">= 0.97" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "comparator", "limit"),
    [
        ("< 3%", "<", 0.03),
        (" >=0.97 ", ">=", 0.97),
        ("<= 2.9 %", "<=", 0.029),
        ("> -.5", ">", -0.5),
        ("<1e-3", "<", 0.001),
    ],
)
def test_thresholds_are_read_as_people_write_them(text: str, comparator: str, limit: float) -> None:
    got = Threshold.parse(text)
    assert (got.comparator, got.limit) == (comparator, limit)


@given(comparators, limits)
def test_a_threshold_written_and_read_again_is_the_same(comparator: Comparator, limit: float) -> None:
    threshold = Threshold(comparator=comparator, limit=limit)
    assert Threshold.parse(str(threshold)) == threshold


@given(comparators, limits, limits)
def test_a_threshold_holds_as_its_operator_does(comparator: Comparator, limit: float, figure: float) -> None:
    does = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}[comparator]
    assert Threshold(comparator=comparator, limit=limit).holds(figure) == does(figure, limit)


@given(st.integers(1, 300), st.data(), st.floats(0, 1))
def test_opposite_lines_never_both_pass_nor_both_fail(n: int, data: st.DataObject, limit: float) -> None:
    share = Measurement.of_proportion("share", data.draw(st.integers(0, n)), n=n)
    above = judge(share, Threshold(comparator=">=", limit=limit)).outcome
    below = judge(share, Threshold(comparator="<", limit=limit)).outcome
    assert (above, below) in {("pass", "fail"), ("fail", "pass"), ("not_enough_evidence", "not_enough_evidence")}


@given(st.integers(1, 300), st.data(), st.floats(0, 1))
def test_one_more_hit_never_makes_a_wanted_share_worse(n: int, data: st.DataObject, limit: float) -> None:
    hits, line = data.draw(st.integers(0, n - 1)), Threshold(comparator=">=", limit=limit)
    before, after = (judge(Measurement.of_proportion("share", k, n=n), line).outcome for k in (hits, hits + 1))
    assert RANK[after] <= RANK[before]


@given(st.lists(verdicts, min_size=1))
def test_the_worst_verdict_wins_and_gives_the_reasons(given_verdicts: list[Verdict]) -> None:
    got = combine(given_verdicts)
    assert RANK[got.outcome] == max(RANK[verdict.outcome] for verdict in given_verdicts)
    deciding = [reason for verdict in given_verdicts if verdict.outcome == got.outcome for reason in verdict.reasons]
    assert list(got.reasons) == deciding


@given(st.lists(verdicts, min_size=1), st.lists(verdicts, min_size=1))
def test_verdicts_may_be_combined_in_parts(some: list[Verdict], more: list[Verdict]) -> None:
    assert combine([combine(some), combine(more)]) == combine([*some, *more])


def test_no_verdict_is_no_evidence() -> None:
    assert combine([]).outcome == "not_enough_evidence"


@pytest.mark.parametrize(
    ("line", "n", "misses"), [("<= 3%", 500, 8), (">= 0.97", 500, 8), (">= 0.95", 58, None), (">= 0.95", 59, 0)]
)
def test_the_misses_that_may_be_are_those_of_the_exact_bound(line: str, n: int, misses: int | None) -> None:
    """The rule of three's exact form: 59 rows without a miss show 95%, as 0.95 ** 59 = 0.0485."""
    assert most_misses(Threshold.parse(line), n) == misses


@given(st.integers(20, 400), st.floats(0.01, 0.99), st.sampled_from([">= 0.9", "<= 0.1", "> 0.5"]))
def test_an_open_verdict_names_rows_that_decide_it(n: int, share: float, written: str) -> None:
    measured = Measurement.of_proportion("m", round(share * n), n=n)
    verdict = judge(measured, Threshold.parse(written))
    if verdict.rows_needed is None:
        assert verdict.outcome != "not_enough_evidence" or measured.value == pytest.approx(
            Threshold.parse(written).limit, abs=0.01
        )
        return
    assert verdict.rows_needed > n
    assert judge(measured.with_rows(verdict.rows_needed), Threshold.parse(written)).outcome != "not_enough_evidence"
