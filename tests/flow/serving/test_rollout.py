"""A rollout under replayed requests, answered live, on a clock that the test moves."""

import json
import signal
from collections.abc import Callable
from datetime import timedelta
from random import Random

import httpx
import pytest

from luthier.lifecycle.rollouts import EVENTS, Controller, controller
from tests.flow.lifecycle.play import OPERATOR, Project
from tests.flow.lifecycle.stages import serve_made_up
from tests.flow.serving.served import Served, serving, until

At = Callable[[str], Project]
TUNED, PROMPT = "crm-small-2", "crm-small-1"


def replay(served: Served, users: range) -> dict[str, int]:
    """One e-mail per user, each reported as solved; answers per release."""
    lines = (served.project.folder / "emails.jsonl").read_text().splitlines()
    texts = [json.loads(line)["messages"][0]["content"] for line in lines]
    counts: dict[str, int] = {}
    for number in users:
        answer = served.ask(texts[number % len(texts)] or "Hello?", user=f"rep-{number}")
        assert answer.status_code == 200, answer.text
        served.say_solved(answer)
        name = str(served.release_of(answer))
        counts[name] = counts.get(name, 0) + 1
    return counts


def look(project: Project) -> dict[str, object]:
    assert project.luthier("rollout", "watch", "--once", by=OPERATOR).code == 0
    found: dict[str, object] = project.answered("status")["rollout"]
    return found


def state_of(project: Project) -> Controller:
    with project.opened() as work:
        return controller(work)


def events(project: Project) -> int:
    with project.opened() as work:
        return len(work.store.events.read(EVENTS))


def routes_version(served: Served) -> int:
    version: int = httpx.get(f"{served.url}/health").json()["routes"]
    return version


def kill_while_watching(project: Project) -> None:
    """Start a controller, let it look at least twice, and kill it without warning."""
    seen = events(project)
    watching = project.spawned("rollout", "watch", "--every-seconds", "0.1", by=OPERATOR)
    try:
        until(lambda: events(project) >= seen + 2 or watching.poll() is not None, "two looks of the controller")
        assert watching.poll() is None, watching.communicate()[1]
    finally:
        watching.send_signal(signal.SIGKILL)
        watching.communicate()


def test_a_release_earns_its_users_on_live_answers_and_survives_a_killed_controller(project_at: At) -> None:
    project = project_at("approved")
    with serving(project) as served:
        assert replay(served, range(3)) == {PROMPT: 3}
        before = routes_version(served)
        assert project.luthier("rollout", "start", TUNED, by=OPERATOR).code == 0
        until(lambda: routes_version(served) > before, "the canary's routes")
        began = project.now

        replay(served, range(4))
        project.set_clock(began + timedelta(hours=1))
        assert "of the 8 a stage needs" in str(look(project)["reason"])

        counts = replay(served, range(10, 46))
        assert counts[TUNED] >= 8
        assert counts[PROMPT] >= 8
        assert replay(served, range(10, 46)) == counts  # a user stays where they are

        entered = state_of(project)
        kill_while_watching(project)
        after = state_of(project)
        assert after.traffic == entered.traffic
        assert (after.state.stage, after.state.entered_at) == (entered.state.stage, entered.state.entered_at)
        assert after.state.status == "running"

        project.set_clock(began + timedelta(hours=47, minutes=59))
        assert look(project)["percent"] == 50
        project.set_clock(began + timedelta(hours=48))
        assert look(project)["percent"] == 100

        version = routes_version(served)
        project.set_clock(project.now + timedelta(days=20))
        held = look(project)
        assert (held["status"], held["percent"]) == ("running", 100)  # nobody asked in all these days
        until(lambda: routes_version(served) >= version, "the routes")
        served.until_answered_by(TUNED)
        assert replay(served, range(50, 60)) == {TUNED: 10}
        done = look(project)
        assert (done["status"], done["stable"], done["canary"]) == ("completed", TUNED, None)
        served.until_answered_by(TUNED)


@pytest.mark.slow
def test_twenty_kills_of_the_controller_change_nothing(project_at: At) -> None:
    project = project_at("approved")
    assert project.luthier("rollout", "start", TUNED, by=OPERATOR).code == 0
    began = project.now
    serve_made_up(project, TUNED, "canary", 40)
    serve_made_up(project, PROMPT, "stable", 40)
    project.set_clock(began + timedelta(hours=1))
    entered = state_of(project)
    draws = Random(5)
    for _ in range(20):
        seen = events(project)
        watching = project.spawned("rollout", "watch", "--every-seconds", "0.1", by=OPERATOR)
        wanted = seen + draws.randrange(3)
        until(
            lambda wanted=wanted, watching=watching: events(project) >= wanted or watching.poll() is not None, "looks"
        )
        watching.send_signal(signal.SIGKILL)
        watching.communicate()
        after = state_of(project)
        assert after.traffic == entered.traffic
        assert (after.state.stage, after.state.entered_at) == (0, entered.state.entered_at)
    project.set_clock(began + timedelta(hours=48))
    assert look(project)["percent"] == 100
    assert project.luthier("audit", "verify").code == 0
