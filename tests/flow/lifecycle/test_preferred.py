"""Preferences from a source through review into a run that learns them."""

import shutil
from pathlib import Path

import pytest

from luthier.domain.runs import TrainingRun
from luthier.lifecycle.links.review import admitted_preferences
from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.workshop import make_workshop

PAIRS = 400


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workshop(tmp_path_factory.mktemp("preferred") / "project", pairs=PAIRS).folder


@pytest.fixture
def project(workshop: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(workshop, tmp_path / "project")))


def trained(project: Project, *words: str) -> TrainingRun:
    done = project.luthier("train", "run", *words)
    assert done.code == 0, done.err
    with project.opened() as work:
        return work.fetch(work.require("train"), TrainingRun)


def test_pairs_are_learned_by_dpo_and_each_answer_by_kto(project: Project) -> None:
    with project.opened() as work:
        train, validation = (admitted_preferences(work, split) for split in ("train", "validation"))
    assert len(train) > PAIRS / 2
    assert validation
    for method, count in (("dpo", len(train)), ("kto", 2 * len(train))):
        run = trained(project, "--set", f"train.method={method}", "--set", "train.epochs=1")
        assert (run.method, run.examples_seen) == (method, count)
        assert run.curve[-1].validation_accuracy is not None
        assert "judged_alone" not in run.left_out


def test_what_people_prefer_is_learned_and_the_toss_of_a_coin_is_not(project: Project) -> None:
    settings = ("--set", "train.method=dpo", "--set", "train.epochs=10", "--set", "train.early_stopping=null")
    run = trained(project, *settings)
    assert project.luthier("train", "control", *settings).code == 0
    with project.opened() as work:
        control = work.fetch(work.require("train", "control"), TrainingRun)
    right, tossed = (each.curve[-1].validation_accuracy or 0.0 for each in (run, control))
    assert right > 0.8
    assert right > tossed + 0.2


def test_a_snapshot_without_pairs_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    project = make_workshop(tmp_path / "plain")
    refused = project.luthier("train", "run", "--set", "train.method=dpo")
    assert refused.code == 3
    assert "holds no pairs of answers" in refused.err
