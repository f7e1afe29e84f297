import math

import pytest
from scipy import stats

from luthier.errors import EmptySample, UnknownName
from luthier.evaluate.metrics import Attempt, Metric, UnknownMetrics, chosen, metrics

SHARE = Metric(name="right", score=lambda row: row.answer == "yes", is_share=True)
MEAN = Metric(name="near", score=lambda row: len(row.answer or "") / 10, is_share=False)


def test_a_share_keeps_its_hits_and_wilson_interval() -> None:
    got = SHARE.measure([1.0] * 8 + [0.0] * 492)
    expected = stats.binomtest(8, 500).proportion_ci(0.95, method="wilson")
    assert (got.hits, got.n, got.method) == (8, 500, "wilson")
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high))


def test_a_mean_of_scores_stays_within_zero_and_one() -> None:
    got = MEAN.measure([0.5, 1.0, 1.0])
    assert got.value == pytest.approx(2.5 / 3)
    assert got.hits is None
    assert 0.0 <= got.low < got.value < got.high <= 1.0


@pytest.mark.parametrize("metric", [SHARE, MEAN])
def test_no_rows_are_refused_rather_than_scored(metric: Metric) -> None:
    with pytest.raises(EmptySample):
        metric.measure([])


def test_all_unknown_names_are_told_at_once_with_what_exists() -> None:
    with pytest.raises(UnknownMetrics) as refused:
        chosen("task_accuracy", ["exact_match", "meteor", "comet"])
    assert isinstance(refused.value, UnknownName)
    assert refused.value.names == ("meteor", "comet")
    assert "meteor, comet" in refused.value.message
    assert "exact_match" in refused.value.hint
    assert (refused.value.code, refused.value.exit_code) == ("unknown_name", 2)


def test_names_are_chosen_in_their_order() -> None:
    assert list(chosen("t", ["f1", "answered", "exact_match"])) == ["f1", "answered", "exact_match"]


def test_every_registered_metric_goes_by_its_own_name() -> None:
    assert len(metrics.names()) >= 8
    assert all(metrics.get(name).name == name for name in metrics)


def test_no_metric_gives_a_point_for_no_answer(call_row: Attempt) -> None:
    """Faults are counted where low is good, so there no answer costs a point."""
    for name in metrics:
        metric = metrics.get(name)
        score = metric.score(call_row)
        if score is None:  # a row to which it does not apply is in no figure
            continue
        assert math.isclose(float(score), 0.0 if metric.wants_high else 1.0)
