"""A charter starts with one narrow problem, owned KPIs and a kill criterion, or not at all."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from luthier.assess.charter import check_charter, open_boxes, require_charter, require_readiness
from luthier.assess.config import CharterConfig, ReadinessConfig
from luthier.errors import Refused, WaitingForPerson


def charter_with(charter: CharterConfig, **changed: Any) -> CharterConfig:
    return CharterConfig.model_validate({**charter.model_dump(), **changed})


def test_a_whole_charter_has_no_faults(charter: CharterConfig) -> None:
    assert check_charter(charter) == ()
    require_charter(charter)


def test_a_broad_problem_is_refused_with_its_words(charter: CharterConfig) -> None:
    with pytest.raises(Refused, match="'better assistant'"):
        require_charter(charter_with(charter, problem="Be a better assistant for every colleague"))


def test_a_kpi_without_owner_is_refused(charter: CharterConfig) -> None:
    kpis = [{"name": "invalid_tool_calls", "target": "< 3%", "owner": "  "}]
    assert any("no owner" in fault for fault in check_charter(charter_with(charter, kpis=kpis)))


def test_a_charter_without_kill_criterion_or_kpis_is_refused(charter: CharterConfig) -> None:
    assert any("kill_criterion" in fault for fault in check_charter(charter_with(charter, kill_criterion=None)))
    bare = charter_with(charter, kpis=(), kill_criterion=None)
    assert len(check_charter(bare)) == 2


@pytest.mark.parametrize(
    ("kill", "word"),
    [
        ({"metric": "unheard_of", "must_reach": "< 0.06"}, "none of the KPIs"),
        ({"metric": "invalid_tool_calls", "must_reach": "< 0.01"}, "harder than the target"),
        ({"metric": "invalid_tool_calls", "must_reach": "> 0.06"}, "opposite directions"),
    ],
)
def test_a_kill_criterion_that_cannot_work_is_refused(kill: dict[str, str], word: str, charter: CharterConfig) -> None:
    faults = check_charter(charter_with(charter, kill_criterion=kill))
    assert len(faults) == 1
    assert word in faults[0]


def test_a_kill_line_equal_to_the_target_is_allowed(charter: CharterConfig) -> None:
    kill = {"metric": "correct", "must_reach": ">= 0.9"}
    assert check_charter(charter_with(charter, kill_criterion=kill)) == ()


def test_a_target_that_is_met_already_or_points_the_wrong_way_is_refused(charter: CharterConfig) -> None:
    kpis = [
        {"name": "invalid_tool_calls", "now": 0.01, "target": "< 0.03", "owner": "ops"},
        {"name": "csat", "target": "< 4", "owner": "ops"},
    ]
    faults = check_charter(charter_with(charter, kpis=kpis))
    assert ["already keeps" in faults[0], "better higher" in faults[1], len(faults)] == [True, True, 2]


def test_two_kpis_of_one_name_are_refused(charter: CharterConfig) -> None:
    kpis = [kpi.model_dump() for kpi in (*charter.kpis, charter.kpis[0])]
    assert check_charter(charter_with(charter, kpis=kpis)) == ("`kpis` names 'invalid_tool_calls' 2 times",)


def test_a_target_that_is_no_threshold_is_told_when_read(charter: CharterConfig) -> None:
    with pytest.raises(ValidationError, match="is not a threshold"):
        charter_with(charter, kpis=[{"name": "x", "target": "better", "owner": "ops"}])


def test_unticked_boxes_are_named_and_a_charter_without_boxes_has_none(charter: CharterConfig) -> None:
    assert open_boxes(charter) == ()
    boxes = {"legal": "J. Marsh", "sre": "on-call"}
    assert open_boxes(charter_with(charter, readiness=boxes)) == ("security", "metrics")


def test_an_open_box_postpones_and_names_its_owner_and_day(charter: CharterConfig) -> None:
    require_readiness(charter)  # the boxes are not used
    ticked = {"owner": "Ada", "ticked_on": date(2026, 3, 2)}
    boxes = {"legal": "Ada", "security": ticked, "sre": {"owner": "Ben", "due": date(2026, 4, 1)}, "metrics": ticked}
    waiting = charter_with(charter, readiness=ReadinessConfig.model_validate(boxes))
    with pytest.raises(WaitingForPerson, match=r"postponed: readiness boxes are open: sre \(Ben, due 2026-04-01\)"):
        require_readiness(waiting)
    done = ReadinessConfig.model_validate(boxes | {"sre": ticked})
    require_readiness(charter_with(charter, readiness=done))
