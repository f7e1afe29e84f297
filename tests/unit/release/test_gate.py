import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from luthier.domain.releases import Override
from luthier.domain.variants import Variant
from luthier.errors import Refused
from luthier.release.config import ReleaseConfig
from luthier.release.gate import decide
from luthier.release.types import Evidence
from tests.unit.release.made_up import NOW, PROMPT, TUNED, difference, evidence, report

CONFIG = ReleaseConfig(approvers=("head-of-sales-ops",), compare_with=("prompt",))
OVERRIDE = Override(by="eve", reason="rehearsal of the rollback", at=NOW)
RANK = {"pass": 0, "not_enough_evidence": 1, "fail": 2}


def outcome(told: Evidence, config: ReleaseConfig = CONFIG) -> str:
    return decide(config, told).verdict.outcome


def test_good_evidence_passes_and_every_check_is_named() -> None:
    got = decide(CONFIG, evidence())
    assert got.verdict.outcome == "pass"
    assert set(got.checks) == {
        "intact:gold", "intact:snapshot", "intact:base_weights", "rows:task_accuracy",
        "threshold:task_accuracy:invalid_call", "beats:prompt",
    }  # fmt: skip
    assert (got.variant, got.variant_digest) == ("tuned", TUNED.digest)


@pytest.mark.parametrize(("invalid", "expected"), [(8, "pass"), (9, "not_enough_evidence"), (40, "fail")])
def test_a_threshold_decides_by_its_bound(invalid: int, expected: str) -> None:
    assert outcome(evidence(reports=(report(invalid=invalid),))) == expected


@pytest.mark.parametrize(
    ("gain", "p", "expected"),
    [
        (0.1, 0.001, "pass"),
        (0.02, 0.3, "not_enough_evidence"),
        (0.0, 1.0, "not_enough_evidence"),
        (-0.1, 0.001, "fail"),
    ],
)
def test_the_paired_interval_must_leave_zero_upwards(gain: float, p: float, expected: str) -> None:
    assert outcome(evidence(difference(gain=gain, p=p))) == expected


def test_an_interval_above_zero_that_the_sign_test_does_not_confirm_holds() -> None:
    assert outcome(evidence(difference(gain=0.1, p=0.125))) == "not_enough_evidence"


def test_every_variant_to_compare_with_and_the_best_baseline_must_be_beaten() -> None:
    config = ReleaseConfig(approvers=("x",), compare_with=("prompt", "rag"))
    assert outcome(evidence(difference("prompt"), difference("rag"), best_baseline="rag"), config) == "pass"
    assert outcome(evidence(difference("prompt"), difference("rag", gain=-0.2)), config) == "fail"
    got = decide(config, evidence(difference("prompt"), best_baseline="few_shot"))
    assert got.verdict.outcome == "not_enough_evidence"
    assert {name for name, check in got.checks.items() if check.outcome != "pass"} == {"beats:rag", "beats:few_shot"}


def test_without_a_baseline_nothing_is_shown_to_be_better() -> None:
    assert outcome(evidence(best_baseline=None)) == "not_enough_evidence"
    assert outcome(evidence(comparison=None)) == "not_enough_evidence"


def test_a_variant_need_not_beat_itself() -> None:
    config = ReleaseConfig(approvers=("x",), compare_with=("prompt", "tuned"))
    assert outcome(evidence(), config) == "pass"


def test_another_metric_that_is_shown_to_be_worse_blocks() -> None:
    worse = difference(metric="answered", gain=-0.1)
    assert outcome(evidence(difference(), worse)) == "fail"
    assert outcome(evidence(difference(), difference(metric="answered", gain=-0.01, p=0.5))) == "pass"


def test_fewer_faults_are_no_drop_and_more_faults_are() -> None:
    fewer = difference(metric="refused", gain=-0.1, wants_high=False)
    more = difference(metric="refused", gain=0.1, wants_high=False)
    assert outcome(evidence(difference(), fewer)) == "pass"
    assert outcome(evidence(difference(), more)) == "fail"


def test_a_line_that_people_drew_for_a_metric_decides_in_place_of_its_drop() -> None:
    more = difference(metric="invalid_call", gain=0.016, half=0.01, p=0.008, wants_high=False)
    assert outcome(evidence(difference(), more, reports=(report(invalid=8),))) == "pass"
    assert outcome(evidence(difference(), more, reports=(report(invalid=9),))) == "not_enough_evidence"
    assert outcome(evidence(difference(), more, reports=(report(invalid=60),))) == "fail"
    assert outcome(evidence(difference(), more, reports=(report().model_copy(update={"verdicts": {}}),))) == "fail"


def test_few_rows_hold_however_good_they_look() -> None:
    few = report(n=199, invalid=0)
    assert outcome(evidence(reports=(few,))) == "not_enough_evidence"
    assert outcome(evidence(reports=(few,)), CONFIG.model_copy(update={"minimum_rows": 199})) == "pass"


def test_no_report_at_all_holds() -> None:
    assert outcome(evidence(reports=(), comparison=None)) == "not_enough_evidence"


def test_thresholds_of_every_benchmark_count() -> None:
    safety = report(benchmark="safety", invalid=60)
    assert outcome(evidence(reports=(report(), safety))) == "fail"


@pytest.mark.parametrize("broken", ["gold", "snapshot", "base_weights"])
def test_changed_bytes_fail_and_no_override_helps(broken: str) -> None:
    told = evidence(intact={"gold": True, "snapshot": True, "base_weights": True, broken: False})
    assert outcome(told) == "fail"
    with pytest.raises(Refused, match=f"{broken} has changed"):
        decide(CONFIG, told, override=OVERRIDE)


def test_gold_that_nobody_checked_holds_and_no_override_helps() -> None:
    told = evidence(intact={"snapshot": True})
    assert outcome(told) == "not_enough_evidence"
    with pytest.raises(Refused, match="nobody checked"):
        decide(CONFIG, told, override=OVERRIDE)


@pytest.mark.parametrize("gain", [-0.1, 0.0])
def test_an_override_lets_through_and_leaves_the_verdict_as_it_was(gain: float) -> None:
    told = evidence(difference(gain=gain))
    got = decide(CONFIG, told, override=OVERRIDE)
    assert got.lets_through
    assert got.override == OVERRIDE
    assert got.verdict == decide(CONFIG, told).verdict
    assert not decide(CONFIG, told).lets_through


def test_there_is_nothing_to_override_where_the_gate_passes() -> None:
    with pytest.raises(Refused, match="nothing to override"):
        decide(CONFIG, evidence(), override=OVERRIDE)


def first(variant: Variant = PROMPT, **changed: object) -> Evidence:
    told = evidence(
        variant=variant,
        reports=(report(variant, invalid=200),),
        comparison=None,
        best_baseline=None,
        first_release=True,
    )
    return told.model_copy(update=changed)


def test_the_first_release_passes_on_sound_bytes_and_tells_what_it_misses() -> None:
    got = decide(CONFIG, first())
    assert got.verdict.outcome == "pass"
    assert got.checks["threshold:task_accuracy:invalid_call"].outcome == "fail"
    assert any("told, not enforced: invalid_call = 0.4" in reason for reason in got.verdict.reasons)


def test_even_a_first_release_stops_at_changed_gold() -> None:
    assert outcome(first(intact={"gold": False})) == "fail"


def test_evidence_of_another_state_of_the_variant_is_refused() -> None:
    edited = TUNED.model_copy(update={"prompt": "another"})
    with pytest.raises(Refused, match="another state of 'tuned'"):
        decide(CONFIG, evidence(variant=edited))


def test_a_comparison_of_another_variant_or_benchmark_is_refused() -> None:
    found = evidence().comparison
    assert found is not None
    for changed in ({"variant": "rag"}, {"benchmark": "safety"}):
        with pytest.raises(Refused, match="the comparison is of"):
            decide(CONFIG, evidence(comparison=found.model_copy(update=changed)))


def test_two_reports_on_one_benchmark_are_refused() -> None:
    with pytest.raises(Refused, match="same benchmark"):
        decide(CONFIG, evidence(reports=(report(), report(invalid=7))))


@settings(max_examples=25)
@given(
    invalid=st.integers(0, 500), gain=st.floats(-0.5, 0.5), half=st.floats(0, 0.3), p=st.floats(0, 1),
    gold=st.booleans(),
)  # fmt: skip
def test_the_verdict_is_the_worst_check(invalid: int, gain: float, half: float, p: float, gold: bool) -> None:
    told = evidence(difference(gain=gain, half=half, p=p), reports=(report(invalid=invalid),), intact={"gold": gold})
    got = decide(CONFIG, told)
    assert RANK[got.verdict.outcome] == max(RANK[check.outcome] for check in got.checks.values())
    assert got.lets_through == all(check.outcome == "pass" for check in got.checks.values())


@pytest.mark.parametrize("approvers", [(), ("",), ("ann", "ann")])
def test_approvers_must_be_named_once_each(approvers: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        ReleaseConfig(approvers=approvers)
