"""A look at served traffic: how far back it reaches, what it is held against, and what it puts before people."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.flow.lifecycle.play import OPERATOR, Project
from tests.flow.lifecycle.stages import serve_made_up

At = Callable[[str], Project]
TUNED = "crm-small-2"


def looked(project: Project, *settings: str) -> dict[str, Any]:
    words = [word for setting in settings for word in ("--set", setting)]
    outcome = project.luthier("monitor", "check", *words, "--json", by=OPERATOR)
    assert outcome.code == 0, outcome.err
    return dict(json.loads(outcome.out))


def test_a_look_takes_in_the_last_days_and_holds_them_against_the_days_before(project_at: At) -> None:
    project = project_at("completed")
    project.set_clock(project.now + timedelta(days=60))
    serve_made_up(project, TUNED, "stable", 300)
    assert looked(project)["interactions"] == 300
    project.set_clock(project.now + timedelta(days=8))
    assert looked(project)["interactions"] == 0
    assert looked(project, "evaluation.production_monitoring.drift_detection=monthly")["interactions"] == 300
    serve_made_up(project, TUNED, "stable", 300, solved=False)
    found = looked(project)
    assert found["interactions"] == 300
    assert "quality_drop" in {finding["kind"] for finding in found["findings"]}


def test_the_sample_asked_for_goes_before_people_once(project_at: At) -> None:
    project = project_at("completed")
    project.set_clock(project.now + timedelta(days=60))
    serve_made_up(project, TUNED, "stable", 200)
    every = "evaluation.production_monitoring.sample_rate=1.0"
    found = looked(project, every)
    assert len(found["sampled"]) == 200
    again = project.luthier("monitor", "check", "--force", "--set", every, by=OPERATOR)
    assert "200 drawn for them to score (0 new)" in again.err + again.out
