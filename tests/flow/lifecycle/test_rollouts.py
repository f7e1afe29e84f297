"""The controller and its store: what a killed one leaves behind is brought to its end by the next."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from luthier.lifecycle.rollouts import EVENTS, controller
from luthier.lifecycle.routes import current_table
from luthier.rollout.types import Killed, Observed, Tally
from luthier.store import FeedbackRow
from tests.flow.lifecycle.play import OPERATOR, Project
from tests.flow.lifecycle.stages import serve_made_up
from tests.flow.serving.served import until

At = Callable[[str], Project]
TUNED, PROMPT = "crm-small-2", "crm-small-1"


@pytest.fixture
def canary(project_at: At) -> Project:
    """The tuned release on half of the users."""
    project = project_at("approved")
    assert project.luthier("rollout", "start", TUNED, by=OPERATOR).code == 0
    return project


def look(project: Project) -> dict[str, object]:
    """What one look of the controller comes to."""
    assert project.luthier("rollout", "watch", "--once", by=OPERATOR).code == 0
    found: dict[str, object] = project.answered("status")["rollout"]
    return found


def test_forty_seven_hours_and_fifty_nine_minutes_do_not_promote(canary: Project) -> None:
    began = canary.now
    canary.set_clock(began + timedelta(hours=1))
    serve_made_up(canary, TUNED, "canary", 40)
    serve_made_up(canary, PROMPT, "stable", 40)
    canary.set_clock(began + timedelta(hours=47, minutes=59))
    assert look(canary)["percent"] == 50
    canary.set_clock(began + timedelta(hours=48))
    assert look(canary)["percent"] == 100


def test_a_stage_without_a_stable_answer_to_compare_with_holds(canary: Project) -> None:
    canary.set_clock(canary.now + timedelta(hours=1))
    serve_made_up(canary, TUNED, "canary", 40)
    canary.set_clock(canary.now + timedelta(days=60))
    found = look(canary)
    assert (found["status"], found["percent"]) == ("running", 50)
    assert "the stable release shows 0 of the 8 to compare with" in str(found["reason"])


def test_the_last_stage_is_compared_with_what_stable_showed_before_it(canary: Project) -> None:
    canary.set_clock(canary.now + timedelta(hours=1))
    serve_made_up(canary, TUNED, "canary", 40)
    serve_made_up(canary, PROMPT, "stable", 40)
    canary.set_clock(canary.now + timedelta(hours=48))
    assert look(canary)["percent"] == 100
    canary.set_clock(canary.now + timedelta(hours=1))
    serve_made_up(canary, TUNED, "canary", 40)  # nobody is left whom the stable release could answer
    canary.set_clock(canary.now + timedelta(hours=48))
    assert look(canary)["status"] == "completed"


def test_a_watching_controller_stays_where_no_rollout_runs(project_at: At) -> None:
    project = project_at("approved")
    assert project.luthier("rollout", "watch", "--every-seconds", "0.1", by=OPERATOR).code == 0  # it ends at once
    watching = project.spawned("rollout", "watch", "--every-seconds", "0.1", "--stay", by=OPERATOR)
    try:
        assert project.luthier("rollout", "start", TUNED, by=OPERATOR).code == 0
        until(lambda: looked(project) or watching.poll() is not None, "a look at the rollout that began later")
        assert watching.poll() is None, watching.communicate()[1]
    finally:
        watching.kill()
        watching.communicate()


def looked(project: Project) -> bool:
    """Whether a controller has looked at the running rollout."""
    with project.opened() as work:
        return any(event.kind == "observed" for event in work.store.events.read(EVENTS))


def test_a_watch_cannot_look_once_and_stay(canary: Project) -> None:
    refused = canary.luthier("rollout", "watch", "--once", "--stay", by=OPERATOR)
    assert refused.code != 0
    assert "contradict" in refused.err


def test_low_traffic_holds_however_long_it_lasts(canary: Project) -> None:
    serve_made_up(canary, TUNED, "canary", 7)
    canary.set_clock(canary.now + timedelta(days=60))
    found = look(canary)
    assert (found["status"], found["percent"]) == ("running", 50)
    assert "7 interactions of the 8 a stage needs" in str(found["reason"])


def test_a_canary_that_solves_less_than_stable_is_taken_back_at_once(canary: Project) -> None:
    serve_made_up(canary, TUNED, "canary", 200, solved=False)
    serve_made_up(canary, PROMPT, "stable", 200)
    found = look(canary)
    assert (found["status"], found["stable"], found["canary"]) == ("reverted", PROMPT, None)
    with canary.opened() as work:
        table = current_table(work)
    assert table is not None
    assert (table.stable.release_id, table.canary) == (PROMPT, None)


def test_an_edit_said_later_does_not_hide_that_an_answer_solved_nothing(canary: Project) -> None:
    serve_made_up(canary, TUNED, "canary", 200, solved=False)
    serve_made_up(canary, PROMPT, "stable", 200)
    with canary.opened() as work:
        later = work.clock() + timedelta(hours=1)
        for row in work.store.interactions.query(release=TUNED):
            edit = FeedbackRow(interaction_id=row.id, at=later, kind="edit", value="Better.")
            work.store.interactions.add_feedback(edit)
    assert look(canary)["status"] == "reverted"


def test_a_controller_killed_before_it_published_is_finished_by_the_next_look(canary: Project) -> None:
    with canary.opened() as work:
        kept = work.store.events.read(EVENTS)
        seen = Observed(canary={"solved": Tally(hits=0, n=200)}, stable={"solved": Tally(hits=200, n=200)})
        work.store.events.append(EVENTS, len(kept), seen.kind, seen.model_dump(mode="json"), work.clock())
        stale = current_table(work)
    assert stale is not None
    assert stale.canary is not None  # the event is durable, and the routes know nothing of it
    assert look(canary)["status"] == "reverted"
    with canary.opened() as work:
        table = current_table(work)
    assert table is not None
    assert table.canary is None


def test_a_kill_whose_process_died_before_it_published_is_finished_by_the_next_look(canary: Project) -> None:
    with canary.opened() as work:
        kept = work.store.events.read(EVENTS)
        pulled = Killed(by=OPERATOR, reason="a rehearsal")
        work.store.events.append(EVENTS, len(kept), pulled.kind, pulled.model_dump(mode="json"), work.clock())
    assert look(canary)["is_killed"]
    with canary.opened() as work:
        table = current_table(work)
    assert table is not None
    assert table.switch == "killed"


def test_a_later_edit_of_the_project_file_changes_no_running_rollout(canary: Project) -> None:
    with canary.opened() as work:
        before = controller(work)
    file = canary.folder / "luthier.yaml"
    file.write_text(file.read_text().replace("bake_hours: 48", "bake_hours: 1"))
    with canary.opened() as work:
        assert controller(work) == before
    serve_made_up(canary, TUNED, "canary", 40)
    canary.set_clock(canary.now + timedelta(hours=2))
    assert look(canary)["percent"] == 50


def test_an_overdue_drill_blocks_the_next_rollout(project_at: At) -> None:
    project = project_at("approved")
    project.set_clock(project.now + timedelta(days=31))
    refused = project.luthier("rollout", "start", TUNED, by=OPERATOR)
    assert (refused.code, refused.error) == (3, "the last rollback drill is older than 30 days")
    assert project.answered("status")["rollout"]["canary"] is None


def test_whoever_only_calls_the_gateway_moves_no_traffic(canary: Project) -> None:
    for verb in ("kill", "revert"):
        refused = canary.luthier("rollout", verb, "--reason", "just because", by="crm")
        assert (refused.code, refused.error) == (2, "'crm' may not move traffic")
    assert canary.answered("status")["rollout"]["percent"] == 50
