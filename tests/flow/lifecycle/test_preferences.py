"""What people corrected: from a source through a build and a review to a trainer, an export, and out again."""

import json
import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from luthier.lifecycle.links.data import gold_set
from luthier.lifecycle.links.review import admitted_preferences, admitted_rows, settle_review
from luthier.lifecycle.rows import preference_rows, rows_of
from luthier.lifecycle.withdrawn import erasures_nobody_asked_for
from tests.flow.lifecycle.play import BEGINNING, Project
from tests.flow.lifecycle.test_withdrawal import WORDS, kept_text

STEWARD, COUNT, OLD = "steward", 100, 60
CONFIG = """
project: fixes
charter: {problem: Note what customers say.}
models: {copy: {engine: nearest, id: copy}}
data:
  sources:
    - {path: fixes.jsonl, lawful_basis: consent, retention_days: 100, purpose: notes}
  gold: {size: 20}
  pii: {ner: "off", cleared_by: nobody, reason: the words are made up}
  workers: 1
variants: {copied: {model: copy, prompt: prompt.md}}
"""


def fixes() -> list[dict[str, Any]]:
    draws, made = random.Random(6), []
    for number in range(COUNT):
        told = f"ostrich{number} {' '.join(draws.choices(WORDS, k=9))} {draws.randrange(10**6)}"
        made.append({
            "id": f"f{number}", "prompt": f"Note this: {told}", "draft": f"emu{number} was noted", "edited": told,
            "subject": f"person-{number}", "date": "2026-01-20" if number < OLD else "2026-02-25",
        })  # fmt: skip
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("fixes"))
    (project.folder / "luthier.yaml").write_text(CONFIG)
    (project.folder / "prompt.md").write_text("Note it.")
    (project.folder / "fixes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in fixes()))
    project.set_clock(BEGINNING)
    (project.folder / "keys.json").write_text("{}")
    assert project.luthier("user", "add", STEWARD, "--role=steward").code == 0
    key = project.luthier("user", "key", STEWARD).out.strip()
    (project.folder / "keys.json").write_text(json.dumps({STEWARD: key}))
    made = project.luthier("data", "build")
    assert made.code == 0, made.err
    assert f"{2 * COUNT} rows in, " in made.err
    return project.folder


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(built, tmp_path / "project")))


def test_an_export_holds_answers_and_pairs_apart_and_tells_loaders_which_is_which(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    assert project.luthier("data", "export", str(folder)).code == 0
    _, front, page = (folder / "README.md").read_text().split("---\n", 2)
    configs = {each["config_name"]: each["data_files"] for each in yaml.safe_load(front)["configs"]}
    assert list(configs) == ["default", "preferences"]
    assert configs["preferences"][0] == {"split": "train", "path": "preferences/train/*.parquet"}
    assert "## Preferences" in page
    pairs = [row for path in folder.glob("preferences/train/*.parquet") for row in pq.read_table(path).to_pylist()]
    number = pairs[0]["id"].removeprefix("f").removesuffix("~preference")
    edited = fixes()[int(number)]["edited"]
    assert pairs[0]["prompt"] == [{"role": "user", "content": f"Note this: {edited}"}]
    assert pairs[0]["chosen"] == [{"role": "assistant", "content": edited}]
    assert pairs[0]["rejected"] == [{"role": "assistant", "content": f"emu{number} was noted"}]
    answers = [row for path in folder.glob("train/*.parquet") for row in pq.read_table(path).to_pylist()]
    assert {f"{row['id']}~preference" for row in answers} == {row["id"] for row in pairs}


def test_a_preference_beside_an_answer_is_let_in_with_it_and_needs_no_marks_of_its_own(project: Project) -> None:
    assert project.luthier("review", "simulate", "--disputed-share", "0.4").code == 0
    with project.opened() as work:
        settle_review(work)
        answers, pairs = admitted_rows(work, "train"), admitted_preferences(work, "train")
        of_snapshot = preference_rows(work, "train")
        assert 0 < len(pairs) < len(of_snapshot)
        assert {pair.id for pair in pairs} == {f"{row.id}~preference" for row in answers}
        told = {row.id: row for row in answers}
        assert all(pair.chosen == told[pair.id.removesuffix("~preference")].ideal for pair in pairs)


def test_whoever_withdraws_takes_answer_and_preference_out_of_every_file(project: Project) -> None:
    with project.opened() as work:
        number = rows_of(work, "train")[0].id.removeprefix("f")
    assert f"emu{number} was noted" in kept_text(project)
    copy = project.folder / "copy"
    assert project.luthier("data", "export", str(copy)).code == 0
    found = project.answered("data", "withdraw", f"person-{number}", "--list")
    assert found["snapshots"][0]["rows"] == {"train": 2}
    done = project.luthier("data", "withdraw", f"person-{number}", "--reason", "Their letter.", by=STEWARD)
    assert done.code == 0, done.err
    assert f"in '{copy}', which holds the rows" in done.out
    left = kept_text(project)
    assert f"emu{number} was noted" not in left
    assert f"ostrich{number} " not in left
    assert project.luthier("data", "build").code == 0
    [waiting] = project.answered("status")["withdrawals"]
    assert (waiting["standing"], len(waiting["waits_for"])) == ("open", 1)
    shutil.rmtree(copy)
    assert project.answered("status")["withdrawals"][0]["standing"] == "done"
    with project.opened() as work:
        assert f"f{number}~preference" not in {row.id for row in preference_rows(work, "train")}


def test_rows_past_their_retention_are_erased_from_gold_and_earlier_snapshots(project: Project) -> None:
    with project.opened() as work:
        gold = [int(row.id.removeprefix("f")) for row in gold_set(work).examples]
    lost = sum(number < OLD for number in gold)
    assert 0 < lost < len(gold), "the gold set is all old or all fresh, so this test would prove nothing"
    assert project.answered("data", "expire", "--list")["rows"] == {}
    project.set_clock(BEGINNING + timedelta(days=60))  # 1 May: 101 days after 20 January
    assert "LUTHIER_KEY" in project.luthier("data", "expire").error
    kept = OLD + (OLD - lost)  # the preferences about gold questions were never kept
    assert project.answered("data", "expire", "--list")["rows"] == {"fixes.jsonl": kept}
    done = project.luthier("data", "expire", by=STEWARD)
    assert done.code == 0, done.err
    assert f"past their retention on 2026-05-01: {kept} of fixes.jsonl" in done.out
    left = kept_text(project)
    assert [n for n in range(OLD) if f"ostrich{n} " in left or f"emu{n} was" in left] == []
    assert [n for n in range(OLD, COUNT) if f"ostrich{n} " not in left] == []
    assert project.luthier("data", "build").code == 0
    with project.opened() as work:
        assert len(gold_set(work).examples) == len(gold) - lost
        assert work.store.artifacts.verify() == []
        assert erasures_nobody_asked_for(work) == []
    assert project.answered("data", "expire", "--list")["rows"] == {}
