"""Versions of prompts and the decision's page, as a user asks for them on the command line."""

import json
import shutil
from pathlib import Path

import pytest

from luthier.lifecycle.prompts import version_of
from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.workshop import make_workshop

FIRST, SECOND = "Name the department.", "Name the department.\nOne word."


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workshop(tmp_path_factory.mktemp("prompts") / "lab").folder


@pytest.fixture
def project(workshop: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(workshop, tmp_path / "lab")))


def test_a_measured_and_released_prompt_is_listed_with_its_figures(project: Project) -> None:
    (found,) = project.answered("prompts", "list")
    assert (found["version"], found["files"], found["is_current"]) == (version_of(FIRST), ["prompt.md"], True)
    assert [use["name"] for use in found["uses"]] == ["prompt/notes"]
    assert found["uses"][0]["figures"]["exact_match"]["n"] == 24
    assert len(found["releases"]) == 1


def test_an_edited_file_is_another_version_and_the_old_text_stays(project: Project) -> None:
    (project.folder / "prompt.md").write_text(SECOND + "\n")
    assert project.luthier("evaluate", "run", "prompt").code == 0
    found = {each["version"]: each for each in project.answered("prompts", "list")}
    assert {version: each["is_current"] for version, each in found.items()} == {
        version_of(FIRST): False, version_of(SECOND): True,
    }  # fmt: skip
    assert found[version_of(FIRST)]["text"] == FIRST
    assert len(found[version_of(SECOND)]["uses"]) == 1

    release = found[version_of(FIRST)]["releases"][0]
    told = project.answered("prompts", "diff", release, "prompt.md")
    assert told["lines"][2:] == ["@@ -1 +1,2 @@", f" {FIRST}", "+One word."]
    assert told["other"]["uses"][0]["figures"]["exact_match"]["n"] == 24


def test_evaluating_again_what_is_unchanged_adds_no_use(project: Project) -> None:
    assert project.luthier("evaluate", "run", "prompt").code == 0
    assert len(project.answered("prompts", "show", "prompt.md")["uses"]) == 1


def test_a_version_that_nobody_knows_is_told(project: Project) -> None:
    outcome = project.luthier("prompts", "show", "0123456789")
    assert (outcome.code, outcome.error) == (2, "no prompt version is called '0123456789'")


def test_the_same_text_in_another_file_is_the_same_version(project: Project) -> None:
    (project.folder / "copy.md").write_text(FIRST)
    (found,) = project.answered("prompts", "list", "--set", "variants.tuned.prompt=copy.md")
    assert found["files"] == ["prompt.md", "copy.md"]


def test_the_decision_is_written_for_a_board_with_who_overruled_it(project: Project) -> None:
    told = project.answered("assess", "record")
    record = told["record"]
    assert record["decision"]["override"]["reason"] == "The tests are about tuning."
    assert [step["name"] for step in record["steps"] if step["figures"]] == ["Prompt"]
    page = Path(told["files"]["html"]).read_text(encoding="utf-8")
    assert "<h1>Tune</h1>" in page
    assert "The tests are about tuning." in page
    assert json.loads(Path(told["files"]["json"]).read_text(encoding="utf-8")) == record
