"""KPIs: where reports measure them, and how they moved."""

import pytest

from luthier.assess.config import KpiConfig
from luthier.assess.kpis import figure_of, kpi_change
from luthier.domain.measure import Measurement
from luthier.errors import UserError
from tests.unit.assess.made import baseline, cases


def kpi(name: str, target: str, metric: str | None = None) -> KpiConfig:
    return KpiConfig(name=name, target=target, owner="ops", metric=metric)


def test_invalid_tool_calls_are_what_the_schema_refused() -> None:
    report = baseline("prompt", cases({"format": 30}, of=200)).report
    figure = figure_of(kpi("invalid_tool_calls", "< 0.03"), report)
    assert figure is not None
    assert (figure.metric, figure.hits, figure.n) == ("invalid_call", 30, 200)


def test_a_kpi_may_name_its_metric_and_others_have_no_figure() -> None:
    report = baseline("prompt", cases({"format": 30}, of=200)).report
    named = figure_of(kpi("correct", ">= 0.9", "exact_match"), report)
    assert named is not None
    assert named.hits == 170
    assert figure_of(kpi("csat", ">= 4"), report) is None


def test_a_pilot_is_judged_by_its_bound_and_not_by_its_point() -> None:
    before = Measurement.of_proportion("deflected", 50, n=500)
    almost = kpi_change(kpi("d", ">= 0.25"), "berlin", before, Measurement.of_proportion("deflected", 26, n=100))
    surely = kpi_change(kpi("d", ">= 0.25"), "berlin", before, Measurement.of_proportion("deflected", 200, n=500))
    assert (almost.verdict.outcome, surely.verdict.outcome) == ("not_enough_evidence", "pass")
    assert surely.difference == pytest.approx(0.3)


def test_before_and_after_must_measure_the_same() -> None:
    one, other = (Measurement.of_proportion(name, 1, n=2) for name in ("a", "b"))
    with pytest.raises(UserError, match="compares 'a' with 'b'"):
        kpi_change(kpi("d", ">= 0.25"), "berlin", one, other)
