"""Judges and memorisation before the gate: who may decide, and who may only be heard."""

import pytest

from luthier.domain.judged import Judged
from luthier.domain.verdicts import Verdict
from luthier.release.config import ReleaseConfig
from luthier.release.gate import decide
from tests.unit.release.made_up import evidence

CONFIG = ReleaseConfig(approvers=("head-of-sales-ops",), compare_with=("prompt",))
OUTCOMES = ("pass", "fail", "not_enough_evidence")


def said(outcome: str, *, is_licensed: bool) -> Judged:
    verdict = Verdict.model_validate({"outcome": outcome, "reasons": (f"it said {outcome}",)})
    return Judged(judge="helpful", verdict=verdict, is_licensed=is_licensed, licence="for the tests")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_licensed_judge_decides_like_any_check(outcome: str) -> None:
    got = decide(CONFIG, evidence().model_copy(update={"judges": (said(outcome, is_licensed=True),)}))
    assert got.checks["judge:helpful"].outcome == got.verdict.outcome == outcome


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_unlicensed_judge_is_heard_and_changes_no_verdict(outcome: str) -> None:
    plain = decide(CONFIG, evidence())
    got = decide(CONFIG, evidence().model_copy(update={"judges": (said(outcome, is_licensed=False),)}))
    assert (got.verdict, dict(got.checks)) == (plain.verdict, dict(plain.checks))
    [*_, told] = got.warnings
    assert f"it said {outcome}" in told
    assert "gates nothing: for the tests" in told


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_was_memorised_decides_like_any_check(outcome: str) -> None:
    found = said(outcome, is_licensed=True).verdict
    got = decide(CONFIG, evidence().model_copy(update={"memorisation": found}))
    assert got.verdict.outcome == outcome
    assert got.checks["memorisation"] == found


def test_without_canaries_the_gate_has_no_such_check() -> None:
    assert "memorisation" not in decide(CONFIG, evidence()).checks
