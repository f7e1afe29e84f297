"""Consent taken back: what is found, what is erased, what still holds, and what a kill in the middle changes."""

import io
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from luthier.domain.runs import TrainingRun
from luthier.domain.snapshots import Manifest
from luthier.lifecycle.holdings import person_of
from luthier.lifecycle.withdrawal import keys_of
from tests.flow.lifecycle.play import BEGINNING, OPERATOR, Project

STEWARD, ROW_COUNT, KILLS = "steward", 160, 12
VICTIM = Path(__file__).with_name("withdrawal_victim.py")
PERSON, MARK, REASON = "person-3", "quokka3", "Their letter of 3 March."
CONFIG = """
project: consent-small
charter: {problem: Note what customers say.}
models: {copy: {engine: nearest, id: copy}}
data:
  sources:
    - {path: rows.jsonl, format: chat, lawful_basis: consent, retention_days: 100, purpose: notes}
  gold: {size: 30, stratify_by: [kind]}
  seed: 3
  workers: 1
variants: {copied: {model: copy, prompt: prompt.md}}
evaluation:
  benchmarks: [{name: accuracy, dataset: gold, metrics: [exact_match]}]
"""
WORDS = ["amber", "basalt", "cobalt", "dune", "ember", "fjord", "grove", "harbor", "islet", "jade", "kelp", "lagoon"]


def rows() -> list[dict[str, Any]]:
    draws, made = random.Random(5), []
    for number in range(ROW_COUNT):
        told = " ".join(draws.choices(WORDS, k=9))
        said = f"quokka{number % 10} {told} {draws.randrange(10**6)}"
        made.append({
            "messages": [{"role": "user", "content": f"Note this: {said}"}, {"role": "assistant", "content": said}],
            "subject": f"person-{number % 10}", "kind": f"k{number % 3}", "date": "2026-01-20",
        })  # fmt: skip
    return made


def write_rows(project: Project, made: list[dict[str, Any]]) -> None:
    (project.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("consent"))
    (project.folder / "luthier.yaml").write_text(CONFIG)
    (project.folder / "prompt.md").write_text("Note it.")
    write_rows(project, rows())
    project.set_clock(BEGINNING)
    (project.folder / "keys.json").write_text("{}")
    keys = {}
    for name, role in ((STEWARD, "steward"), ("crm", "application")):
        assert project.luthier("user", "add", name, f"--role={role}").code == 0
        keys[name] = project.luthier("user", "key", name).out.strip()
    (project.folder / "keys.json").write_text(json.dumps(keys))
    made = project.luthier("data", "build")
    assert made.code == 0, made.err
    return project.folder


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(built, tmp_path / "project")))


def withdraw(project: Project, *words: str, by: str = STEWARD) -> Any:
    return project.luthier("data", "withdraw", PERSON, *words, by=by)


def told(project: Project, *words: str) -> Any:
    outcome = withdraw(project, *words, "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def kept_text(project: Project) -> str:
    """Everything that lies in the project's home, Parquet unpacked."""
    files = [path for path in project.home.rglob("*") if path.is_file()]
    assert len(files) > 5, "there is nothing to look through"
    texts = []
    for path in files:
        data = path.read_bytes()
        if data[:4] == b"PAR1":
            texts.append(json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str))
        texts.append(data.decode("latin-1"))
    return "\n".join(texts)


def state_of(project: Project) -> dict[str, Any]:
    """All that a withdrawal leaves, without the times and the order in which it was recorded."""
    with project.opened() as work:
        store = work.store.artifacts
        return {
            "erased": sorted((each.digest, each.replacement) for each in store.erasures()),
            "objects": sorted(path.name for path in (project.home / "artifacts").rglob("*") if path.is_file()),
            "links": {name: work.latest("data", name) for name in ("", "gold", "rows", "dropped")},
            "whole": store.verify(),
        }


def test_the_list_names_every_row_of_the_person_by_snapshot_and_split_and_changes_nothing(project: Project) -> None:
    before = state_of(project)
    found = told(project, "--list")
    assert state_of(project) == before
    [snapshot] = found["snapshots"]
    with project.opened() as work:
        manifest = work.fetch(work.require("data"), Manifest)
    assert snapshot["is_current"]
    assert sum(snapshot["rows"].values()) == ROW_COUNT / 10  # nothing repeats, so nothing was left out
    assert manifest.dropped == {}
    everyone = Counter[str]()
    for number in range(10):
        of = json.loads(project.luthier("data", "withdraw", f"person-{number}", "--list", "--json").out)
        everyone.update(of["snapshots"][0]["rows"])
    assert everyone == Counter(manifest.splits)


def test_nothing_of_the_person_is_left_in_any_file_and_everybody_else_is(project: Project) -> None:
    before = kept_text(project)
    assert MARK in before
    report = told(project, "--reason", REASON)
    after = kept_text(project)
    assert MARK not in after
    assert PERSON not in after
    assert {f"quokka{number}" for number in range(10) if f"quokka{number}" in after} == {
        f"quokka{number}" for number in range(10) if number != 3
    }
    assert report["erased"]["rows"] == ROW_COUNT / 10
    assert report["erased"]["gold_rows"] == report["holdings"]["snapshots"][0]["rows"].get("test", 0)


def test_the_chain_verifies_afterwards_and_the_manifest_still_lists_the_digests(project: Project) -> None:
    with project.opened() as work:
        snapshot = work.require("data")
    told(project, "--reason", REASON)
    verified = project.luthier("audit", "verify")
    assert verified.code == 0, verified.err
    assert told(project, "--list")["snapshots"][0]["snapshot"] == snapshot
    refused = withdraw(project, "--prove")
    assert refused.code == 3
    assert refused.error.startswith(f"16 rows of snapshot {snapshot[:12]} and 0 rows that are kept belong to people")


def test_a_changed_byte_and_an_erasure_that_nobody_asked_for_are_told_from_a_withdrawal(project: Project) -> None:
    told(project, "--reason", REASON)
    with project.opened() as work:
        victim = work.store.artifacts.find("row_list")[0].digest
    path = project.home / "artifacts" / victim[:2] / victim[2:]
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    changed = project.luthier("audit", "verify")
    assert (changed.code, changed.error) == (3, f"artifact {victim[:12]} has changed or is gone")
    path.unlink()
    with sqlite3.connect(project.home / "luthier.db") as database:
        row = "INSERT INTO erasures VALUES (?, NULL, 'withdrawal-1', '2026-03-02 09:00:00.000000')"
        database.execute(row, (victim,))
    forged = project.luthier("audit", "verify")
    assert forged.code == 3
    assert forged.error == f"artifact {victim[:12]} is recorded as erased, and the audit log knows of no such erasure"


def test_the_next_build_leaves_the_rows_out_and_proves_it(project: Project) -> None:
    told(project, "--reason", REASON)
    waiting = project.answered("status")
    assert [each["standing"] for each in waiting["withdrawals"]] == ["open"]
    assert project.link("data")["state"] == "due"
    built = project.luthier("data", "build")
    assert built.code == 0, built.err
    assert "nothing of 1 withdrawn keys is among 144 listed rows and" in built.err
    dropped = json.loads(project.luthier("data", "show", "--dropped", "--json").out)
    assert Counter(row["reason"] for row in dropped) == {"erased": 16}
    proof = told(project, "--prove")
    assert (proof["listed_rows"], proof["found_listed"], proof["found_bodies"], proof["unfinished"]) == (144, 0, 0, [])
    after = project.answered("status")
    assert [each["standing"] for each in after["withdrawals"]] == ["done"]
    assert project.link("data")["state"] == "done"
    assert "unchanged since" in project.luthier("data", "build").err


def test_withdrawing_again_changes_nothing_more(project: Project) -> None:
    told(project, "--reason", REASON)
    before = state_of(project)
    again = told(project, "--reason", "Another letter.")
    assert state_of(project) == before
    assert again["withdrawal"] == "withdrawal-1"
    assert set(again["erased"].values()) == {0}


@pytest.mark.parametrize("name", ["rows.jsonl:4", "rows.jsonl:14"])
def test_one_row_may_be_withdrawn_by_its_id(project: Project, name: str) -> None:
    done = project.luthier("data", "withdraw", name, "--reason", REASON, "--json", by=STEWARD)
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["erased"]["rows"] == 1
    with project.opened() as work:
        person = person_of(work, keys_of(work, name))
        assert person.is_named(name)
        assert not person.is_named("rows.jsonl:5")


def test_who_may_not_withdraw_is_refused_and_a_reason_tells_no_name(project: Project) -> None:
    before = state_of(project)
    refused = withdraw(project, "--reason", REASON, by="crm")
    assert (refused.code, refused.error) == (2, "'crm' may not withdraw rows")
    named = withdraw(project, "--reason", f"{PERSON.upper()} wrote to us")
    assert (named.code, named.error) == (2, "the reason tells whose rows they are")
    assert state_of(project) == before


def test_the_audit_log_holds_keys_and_masked_reasons_alone(project: Project) -> None:
    told(project, "--reason", "The letter of anna@kunde.example came.")
    with project.opened() as work:
        entries = [entry for entry in work.store.audit.entries() if entry.action.startswith("data.withdr")]
    assert [entry.action for entry in entries] == ["data.withdraw", "data.withdrawn"]
    text = json.dumps([dict(entry.detail) for entry in entries])
    assert "The letter of <EMAIL_ADDRESS> came." in text
    assert "anna" not in text
    assert PERSON not in text


def killed(project: Project, at: int) -> "subprocess.CompletedProcess[str]":
    """A withdrawal that dies after its `at`-th durable step; 0 for never."""
    words = ["data", "withdraw", PERSON, "--reason", REASON, "--project", str(project.folder)]
    return subprocess.run(
        [sys.executable, str(VICTIM), str(at), *words], capture_output=True, text=True, check=False,
        env={name: value for name, value in project.variables(STEWARD).items() if value is not None},
    )  # fmt: skip


@pytest.mark.slow
def test_a_kill_after_any_durable_step_and_another_run_end_in_the_same_state(built: Path, tmp_path: Path) -> None:
    whole = Project(Path(shutil.copytree(built, tmp_path / "whole")))
    unharmed = killed(whole, 0)
    assert unharmed.returncode == 0, unharmed.stderr
    wanted, steps = state_of(whole), int(unharmed.stderr.splitlines()[-1])
    assert steps > 15, "there is hardly a moment to be killed at"
    for at in range(1, steps, max(1, steps // KILLS)):
        project = Project(Path(shutil.copytree(built, tmp_path / f"killed-{at}")))
        assert killed(project, at).returncode == -signal.SIGKILL
        again = withdraw(project, "--reason", REASON)
        assert again.code == 0, again.err
        assert state_of(project) == wanted, f"killed after step {at} of {steps}"
        assert MARK not in kept_text(project)


def test_time_alone_builds_nothing_until_a_row_reaches_its_end(project: Project) -> None:
    project.set_clock(BEGINNING + timedelta(days=30))
    assert "unchanged since" in project.luthier("data", "build").err
    project.set_clock(BEGINNING.replace(month=4, day=30))  # 100 days after 20 January
    assert "unchanged since" in project.luthier("data", "build").err
    assert project.link("data")["state"] == "done"
    fresh = [row | {"date": "2026-04-01"} if number >= 80 else row for number, row in enumerate(rows())]
    write_rows(project, fresh)
    project.set_clock(BEGINNING)
    assert project.luthier("data", "build").code == 0
    project.set_clock(BEGINNING.replace(month=5, day=1))
    due = project.link("data")
    assert (due["state"], due["reason"]) == (
        "due",
        "rows are past their retention since 2026-05-01: luthier data build",
    )
    later = project.luthier("data", "build")
    assert later.code == 0, later.err
    dropped = json.loads(project.luthier("data", "show", "--dropped", "--json").out)
    assert Counter(row["reason"] for row in dropped)["retention_over"] > 0
    assert project.link("data")["state"] == "done"


def test_a_source_whose_terms_forbid_training_is_refused_with_its_rows(project: Project) -> None:
    forbid = "{path: rows.jsonl, training_allowed: false, terms: section 4"
    text = (project.folder / "luthier.yaml").read_text().replace("{path: rows.jsonl", forbid)
    (project.folder / "luthier.yaml").write_text(text)
    refused = project.luthier("data", "build")
    assert refused.code == 2
    assert "rows.jsonl:1: the terms of its source do not allow training on it: 'section 4'" in refused.err
    assert f"and {ROW_COUNT - 50} more" in refused.err


def test_a_row_that_says_there_is_no_consent_is_refused_by_its_line(project: Project) -> None:
    made = rows()
    made[6]["consent"] = False
    write_rows(project, made)
    refused = project.luthier("data", "build")
    assert refused.code == 2
    assert "rows.jsonl:7: it says that there is no consent to its use" in refused.err


def test_the_plan_names_the_run_and_the_release_that_serves(project_at: Callable[[str], Project]) -> None:
    project = project_at("completed")
    with project.opened() as work:
        adapter = work.fetch(work.require("train"), TrainingRun).adapter
    learned = json.loads(project.luthier("data", "show", "--json").out)[0]["id"]
    done = project.luthier("data", "withdraw", learned, "--reason", REASON, "--json", by=OPERATOR)
    assert done.code == 0, done.err
    plan = json.loads(done.out)["plan"]
    assert [(run["adapter"], run["trained_rows"], run["is_current"]) for run in plan["runs"]] == [(adapter, 1, True)]
    [served] = [made for made in plan["releases"] if made["serves_as"] == "stable"]
    assert (served["release"], served["why"], served["rows"]) == ("crm-small-2", "adapter", 1)
    assert len(plan["steps"]) == 3
    assert project.answered("status")["withdrawals"][0]["standing"] == "open"
