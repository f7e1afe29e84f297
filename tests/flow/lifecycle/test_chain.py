"""The chain walked with the command line: where it stops, who goes on with it, and what it refuses."""

import re
from collections.abc import Callable

import pytest

from tests.flow.lifecycle.play import APPLICATION, APPROVER, AUTHOR, OPERATOR, Project
from tests.flow.lifecycle.stages import READS, Stages

At = Callable[[str], Project]
DONE_BEFORE_APPROVAL = ("charter", "data", "review", "baselines", "assess", "train", "evaluate", "gate")


def test_the_walk_stops_where_people_must_review_and_says_how_many(stages: Stages) -> None:
    [stopped] = stages.stop("unreviewed").outcomes
    assert stopped.code == 3
    rows = re.fullmatch(r"(\d+) of (\d+) rows wait for 2 reviewers", stopped.error)
    assert rows
    assert rows[1] == rows[2] != "0"


def test_the_walk_stops_at_the_prompt_baseline_and_names_its_approver(stages: Stages) -> None:
    stopped = stages.stop("unapproved").outcomes[-1]
    assert stopped.code == 3
    assert stopped.error == "release crm-small-1 waits for head-of-sales-ops"
    assert "luthier release approve crm-small-1" in stopped.err


def test_once_approved_the_walk_trains_and_measures_and_the_gate_holds_on_few_rows(stages: Stages) -> None:
    approved, held = stages.stop("held").outcomes
    assert (approved.code, approved.out) == (0, "crm-small-1: approved\n")
    assert held.code == 4
    assert held.error.startswith("the gate holds 'tuned_rag': ")
    assert "task_accuracy has 60 rows, of 200 asked for" in held.error
    told = (held.out + held.err).splitlines()
    assert told.count("   - task_accuracy has 60 rows, of 200 asked for") == 1


def test_an_overruled_decision_is_in_force_at_once(project_at: At) -> None:
    project = project_at("unapproved")
    done = project.luthier("assess", "override", "prompt", "--reason", "We look at prompts for another month.")
    assert done.code == 0
    refused = project.luthier("train", "run")
    assert refused.code == 3
    assert refused.error.startswith("the decision is prompt, not to tune: ")


def test_an_overruled_gate_stays_overruled_and_the_walk_goes_on_to_the_approver(project_at: At, stages: Stages) -> None:
    proposed, stopped = stages.stop("proposed").outcomes
    assert (proposed.code, proposed.out) == (0, "crm-small-2\n")
    assert (stopped.code, stopped.error) == (3, "release crm-small-2 waits for head-of-sales-ops")
    project = project_at("proposed")
    found = project.answered("status")
    states = {link["link"]: link["state"] for link in found["links"]}
    assert {states[name] for name in DONE_BEFORE_APPROVAL} == {"done"}
    assert states["release"] == "waiting"
    assert found["releases"][-1]["is_overridden"]
    table = project.answered("rollout", "status")["traffic"]
    assert table["stable"] == table["first"] == "crm-small-1"


@pytest.mark.parametrize("reason", ["", "because"])
def test_a_gate_is_not_overruled_without_a_reason(project_at: At, reason: str) -> None:
    project = project_at("held")
    refused = project.luthier("release", "propose", "tuned_rag", "--override", reason)
    assert (refused.code, refused.error) == (2, "an override needs a reason of ten characters or more")
    assert [made["id"] for made in project.answered("release", "list")] == ["crm-small-1"]


def test_an_override_covers_no_other_state_of_the_variant(project_at: At) -> None:
    project = project_at("proposed")
    changed = ("--set", "variants.tuned_rag.decoding.max_tokens=47")
    refused = project.luthier("release", "propose", "tuned_rag", *changed)
    assert (refused.code, refused.error) == (3, "the reports on task_accuracy are of another state of 'tuned_rag'")
    assert [made["id"] for made in project.answered("release", "list")] == ["crm-small-1", "crm-small-2"]


def test_a_second_walk_does_nothing_again(project_at: At) -> None:
    project = project_at("proposed")
    before = project.counts()
    again = project.luthier("run")
    assert (again.code, again.error) == (3, "release crm-small-2 waits for head-of-sales-ops")
    assert project.counts() == before


def test_force_does_again_what_is_done(project_at: At) -> None:
    project = project_at("proposed")
    before, _ = project.counts()
    assert project.luthier("run", "--until", "charter", "--force").code == 0
    assert project.counts()[0] == before + 1


def test_a_changed_setting_runs_again_only_what_depends_on_it(project_at: At) -> None:
    project = project_at("proposed")
    before, _ = project.counts()
    assert project.luthier("run", "--until", "data", "--set", "train.epochs=5").code == 0
    assert project.counts()[0] == before


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("train", "run"), "assess"),
        (("evaluate", "run", "prompt"), "data of 'gold'"),
        (("release", "propose", "prompt"), "evaluate of 'prompt/task_accuracy'"),
        (("data", "card"), "data of 'card'"),
        (("monitor", "check"), "data"),
    ],
)
def test_a_link_refuses_to_start_without_the_one_before(project_at: At, words: tuple[str, ...], missing: str) -> None:
    project = project_at("fresh")
    before = project.counts()
    refused = project.luthier(*words)
    assert refused.code == 3
    assert refused.error == f"the link before this one is missing: {missing}"
    assert project.counts() == before


def test_nobody_approves_their_own_release(project_at: At) -> None:
    project = project_at("unapproved")
    refused = project.luthier("release", "approve", "crm-small-1", "--reason", READS, by=AUTHOR)
    assert refused.code == 2
    assert refused.error == "'ml-engineer' made release crm-small-1 and cannot decide on it"
    assert project.answered("release", "approval", "crm-small-1")["status"] == "waiting"


@pytest.mark.parametrize("by", [OPERATOR, APPLICATION])
def test_whoever_is_not_named_as_approver_approves_nothing(project_at: At, by: str) -> None:
    project = project_at("unapproved")
    refused = project.luthier("release", "approve", "crm-small-1", "--reason", READS, by=by)
    assert (refused.code, refused.error) == (2, f"{by!r} is none of the approvers of release crm-small-1")
    assert project.answered("release", "approval", "crm-small-1")["status"] == "waiting"


@pytest.mark.parametrize("key", ["luthier_" + "A" * 43, "not a key"])
def test_a_wrong_key_approves_nothing_and_is_not_repeated(project_at: At, key: str) -> None:
    project = project_at("unapproved")
    refused = project.luthier("release", "approve", "crm-small-1", "--reason", READS, key=key)
    assert (refused.code, refused.error) == (2, "the key in LUTHIER_KEY is unknown, expired or revoked")
    assert key not in refused.err + refused.out
    assert project.answered("release", "approval", "crm-small-1")["status"] == "waiting"


def test_without_a_key_nobody_approves(project_at: At) -> None:
    refused = project_at("unapproved").luthier("release", "approve", "crm-small-1", "--reason", READS)
    assert (refused.code, refused.error) == (2, "the environment variable 'LUTHIER_KEY' is not set")


def test_a_revoked_key_approves_nothing(project_at: At) -> None:
    project = project_at("unapproved")
    users = {user["name"]: user["keys"] for user in project.answered("user", "list")}
    assert project.luthier("user", "revoke", users[APPROVER][0]).code == 0
    assert project.luthier("release", "approve", "crm-small-1", "--reason", READS, by=APPROVER).code == 2
    assert project.answered("release", "approval", "crm-small-1")["status"] == "waiting"


def test_an_unapproved_release_gets_no_traffic(project_at: At) -> None:
    project = project_at("proposed")
    refused = project.luthier("rollout", "start", "crm-small-2", by=OPERATOR)
    assert (refused.code, refused.error) == (3, "release crm-small-2 waits for head-of-sales-ops")
    assert project.answered("rollout", "status")["traffic"]["canary"] is None


def test_the_approval_stands_in_the_audit_log_under_the_approver_s_name(project_at: At) -> None:
    entries = project_at("proposed").answered("audit", "log", "--last", "1000")
    [approval] = [entry for entry in entries if entry["action"] == "release.approve"]
    assert (approval["actor"], approval["subject"]) == (APPROVER, "crm-small-1")
