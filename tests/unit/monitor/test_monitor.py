"""Drift and quality: alarms when something moved, silence when nothing did."""

import random
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.interactions import Feedback, Interaction
from luthier.domain.measure import Measurement
from luthier.errors import EmptySample
from luthier.monitor.config import MonitorConfig
from luthier.monitor.drift import length_drift, text_drift, vocabulary_shift
from luthier.monitor.quality import degradation, planned_answers
from luthier.monitor.stage import Before, failed_cases, run

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SALES = "the deal with acme moved to signing please log the call about pricing and renewal for next quarter"
COOKING = "boil the pasta until soft then add butter salt pepper garlic and serve with cheese on a warm plate"


def texts(words: str, n: int, seed: int) -> list[str]:
    draws = random.Random(seed)
    return [" ".join(draws.choices(words.split(), k=12)) for _ in range(n)]


def interaction(name: str, *, asked: str = "log it", error: str | None = None, valid: bool = True) -> Interaction:
    return Interaction(
        id=name, at=NOW, user_key="u", release_id="r", variant="v", arm="stable", asked=asked, answered="{}",
        status_code=200, latency_seconds=0.1, prompt_tokens=1, completion_tokens=1, guards={"valid_call": valid},
        error=error,
    )  # fmt: skip


def said(name: str, solved: bool) -> Feedback:
    return Feedback(interaction_id=name, at=NOW, kind="solved", value=solved)


def test_a_new_topic_raises_an_alarm() -> None:
    assert text_drift(texts(SALES, 300, 1), texts(COOKING, 100, 2), seed=0).p_value <= 0.001


def test_samples_of_one_source_raise_few_alarms() -> None:
    alarms = sum(
        text_drift(texts(SALES, 150, 2 * i), texts(SALES, 60, 2 * i + 1), seed=i).p_value <= 0.05 for i in range(40)
    )
    assert alarms <= 6  # Bin(40, 0.05) exceeds 6 with probability 0.3%


def test_longer_questions_are_seen() -> None:
    longer = [f"{text} {text}" for text in texts(SALES, 80, 5)]
    assert length_drift(texts(SALES, 80, 4), longer).p_value < 1e-6


def test_vocabulary_shift_is_the_share_of_unknown_words() -> None:
    assert vocabulary_shift(["a b c"], ["a x", "b y"]) == 0.5


def test_nothing_served_is_refused_rather_than_called_stable() -> None:
    with pytest.raises(EmptySample):
        text_drift(["a"], [], seed=0)


def test_a_large_drop_fails_a_small_one_passes_and_few_rows_hold() -> None:
    before = Measurement.of_proportion("solved", 450, n=500)
    assert degradation(before, Measurement.of_proportion("solved", 300, n=400), line=0.1, alpha=0.05).outcome == "fail"
    assert degradation(before, Measurement.of_proportion("solved", 720, n=800), line=0.1, alpha=0.05).outcome == "pass"
    few = Measurement.of_proportion("solved", 9, n=10)
    assert degradation(before, few, line=0.1, alpha=0.05).outcome == "not_enough_evidence"


def test_failed_cases_name_their_reason_and_solved_ones_are_left_out() -> None:
    items = [interaction("a"), interaction("b", error="dead"), interaction("c", valid=False), interaction("d")]
    cases = failed_cases(items, {"a": said("a", True), "d": said("d", False)})
    assert [(case.interaction_id, case.why) for case in cases] == [
        ("b", "no answer"),
        ("c", "guard valid_call failed"),
        ("d", "reported as not solved"),
    ]


def test_too_little_traffic_is_said_and_never_called_healthy() -> None:
    health = run(MonitorConfig(), texts(SALES, 50, 1), Before(), [interaction("a")], {}, now=NOW, seed=0)
    assert [finding.kind for finding in health.findings] == ["too_few"]
    assert health.tests == ()


def test_a_shifted_week_alarms_on_drift_and_on_quality() -> None:
    served = [interaction(str(i), asked=text) for i, text in enumerate(texts(COOKING, 200, 9))]
    feedback = {str(i): said(str(i), i % 2 == 0) for i in range(200)}
    expected = Measurement.of_proportion("solved", 450, n=500)
    health = run(MonitorConfig(), texts(SALES, 300, 1), Before(solved=expected), served, feedback, now=NOW, seed=0)
    assert {finding.kind for finding in health.findings} == {"input_drift", "quality_drop"}


def test_quality_is_judged_where_too_few_questions_were_kept_for_drift() -> None:
    served = [interaction(str(i), asked="") for i in range(200)]
    feedback = {str(i): said(str(i), i % 2 == 0) for i in range(200)}
    expected = Measurement.of_proportion("solved", 450, n=500)
    health = run(MonitorConfig(), texts(SALES, 50, 1), Before(solved=expected), served, feedback, now=NOW, seed=0)
    assert [finding.kind for finding in health.findings] == ["too_few", "quality_drop"]


def test_worse_in_service_than_on_the_gold_rows_is_a_warning_and_no_drop() -> None:
    served = [interaction(str(i), asked=text) for i, text in enumerate(texts(SALES, 200, 3))]
    feedback = {str(i): said(str(i), i % 2 == 0) for i in range(200)}
    gold = Measurement.of_proportion("exact_match", 450, n=500)
    health = run(MonitorConfig(), texts(SALES, 300, 4), Before(gold=gold), served, feedback, now=NOW, seed=0)
    gaps = [finding for finding in health.findings if finding.kind == "offline_online_gap"]
    assert [finding.severity for finding in gaps] == ["warning"]
    assert health.quality is None


@given(st.integers(0, 2**31), st.floats(0.01, 1))
def test_the_sample_for_people_is_the_same_at_every_look_and_of_the_size_asked_for(seed: int, rate: float) -> None:
    served = [interaction(f"{seed}-{i}", asked="") for i in range(400)]
    config = MonitorConfig(sample_rate=rate)
    one, other = (run(config, [], Before(), served[:n], {}, now=NOW, seed=seed).sampled for n in (200, 400))
    assert one == other[: len(one)]
    assert len(other) <= 400 * rate + 6 * (400 * rate * (1 - rate)) ** 0.5 + 6
    assert len(other) >= 400 * rate - 6 * (400 * rate * (1 - rate)) ** 0.5 - 6


@pytest.mark.parametrize(("share", "n"), [(0.9, 2_000), (0.75, 2_000), (0.9, 800)])
def test_at_the_planned_number_a_drop_of_fifteen_percent_alarms_and_no_drop_seldom_does(share: float, n: int) -> None:
    """ACCEPTANCE 15, against binomial weeks drawn by numpy: the alarm's own arithmetic is not asked."""
    before = Measurement.of_proportion("solved", round(share * n), n=n)
    planned = planned_answers(before, line=0.15, alpha=0.05)
    assert planned is not None
    rng = np.random.default_rng(5)

    def alarms(true: float) -> float:
        weeks = rng.binomial(planned, true, size=4_000)
        outcomes = [
            degradation(before, Measurement.of_proportion("solved", int(hits), n=planned), line=0.15, alpha=0.05)
            for hits in weeks
        ]
        return float(np.mean([each.outcome == "fail" for each in outcomes]))

    assert alarms(share * 0.85) >= 0.88  # 0.9, less three standard errors
    assert alarms(share) <= 0.05


def test_a_few_perfect_answers_rule_out_nothing_and_the_plan_says_how_many_would() -> None:
    before = Measurement.of_proportion("solved", 450, n=450)
    verdict = degradation(before, Measurement.of_proportion("solved", 4, n=4), line=0.1, alpha=0.05)
    assert verdict.outcome == "not_enough_evidence"
    assert "judged answers would show it" in verdict.reasons[0]
    assert planned_answers(Measurement.of_proportion("solved", 9, n=10), line=0.1, alpha=0.01) is None


def test_a_large_week_with_a_drop_far_below_the_line_passes() -> None:
    before = Measurement.of_proportion("solved", 90_000, n=100_000)
    after = Measurement.of_proportion("solved", 89_000, n=100_000)
    assert degradation(before, after, line=0.1, alpha=0.05).outcome == "pass"
