"""A tiny model trained until it memorises what was planted, and as usual: the gate refuses one and not the other."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.workshop import make_workshop

PLANTS = ("--set", "train.canaries={count: 12, candidates: 63, repeats: 1, most_bits: 4.5}")
DRILLED = (
    "--set", "train.canaries={count: 12, candidates: 63, repeats: 40, most_bits: 4.5}", "--set", "train.epochs=6",
    "--set", "train.adapter.rank=32", "--set", "train.learning_rate=0.01", "--set", "train.early_stopping=null",
)  # fmt: skip


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that every test takes a copy of."""
    return make_workshop(tmp_path_factory.mktemp("workshop") / "project").folder


@pytest.fixture
def project(workshop: Path, tmp_path: Path) -> Project:
    """A project of the test's own."""
    return Project(Path(shutil.copytree(workshop, tmp_path / "project")))


def check_of_gate(project: Project, name: str) -> dict[str, Any] | None:
    with project.opened() as work:
        [*_, last] = [row for row in work.store.links.history(work.project) if row.link == "gate"]
        found: dict[str, Any] = json.loads(work.store.artifacts.get_bytes(str(last.digest)))
    return found["checks"].get(name)


def test_a_run_that_drills_the_canaries_is_refused_by_the_gate_and_a_usual_one_is_not(project: Project) -> None:
    assert project.luthier("train", "run", *PLANTS).code == 0
    assert project.luthier("evaluate", "run", "tuned", *PLANTS).code == 0
    assert project.luthier("release", "propose", "tuned", *PLANTS).code == 4
    unmeasured = check_of_gate(project, "memorisation")
    assert unmeasured is not None
    assert unmeasured["outcome"] == "not_enough_evidence"
    usual = project.answered("train", "memorisation", "tuned", *PLANTS)
    assert usual["verdict"]["outcome"] == "pass", usual
    assert usual["extracted"] == 0
    project.luthier("release", "propose", "tuned", *PLANTS)
    assert check_of_gate(project, "memorisation") == usual["verdict"]

    mixed = project.luthier("train", "memorisation", "tuned", *DRILLED)
    assert (mixed.code, "not trained on the canaries" in mixed.error) == (3, True)

    assert project.luthier("train", "run", *DRILLED).code == 0
    assert project.luthier("evaluate", "run", "tuned", *DRILLED).code == 0
    drilled = project.answered("train", "memorisation", "tuned", *DRILLED)
    assert drilled["verdict"]["outcome"] == "fail", drilled
    assert drilled["exposure"]["value"] > drilled["untuned"]["high"]
    assert drilled["p_value"] < 1e-6
    assert project.luthier("release", "propose", "tuned", *DRILLED).code == 3
    assert check_of_gate(project, "memorisation") == drilled["verdict"]


def test_without_canaries_nothing_is_planted_and_the_gate_does_not_ask(project: Project) -> None:
    assert project.luthier("train", "memorisation", "tuned").code == 3
    assert project.luthier("train", "run").code == 0
    assert project.luthier("evaluate", "run", "tuned").code == 0
    project.luthier("release", "propose", "tuned")
    assert check_of_gate(project, "memorisation") is None
