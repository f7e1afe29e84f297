"""A run of every weight in the chain: its reason, its figures, its lineage, and how it is served and handed on."""

import json
import shutil
from pathlib import Path

import pytest

from luthier.domain.releases import Release
from luthier.domain.runs import TrainingRun
from luthier.lifecycle.answering import Variants, adapter_folder
from luthier.lifecycle.lab.ladder import Climb
from luthier.lifecycle.links.data import benchmark_rows
from luthier.variants.engines.folders import weights_digest
from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.workshop import make_workshop

WHY = "The smallest model of all has no room for an adapter."
FULL = ("--set", "train.adapter={kind: none}", "--set", f"train.justification={WHY}")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run trained every weight."""
    project = make_workshop(tmp_path_factory.mktemp("full") / "project")
    assert project.luthier("train", "run", *FULL).code == 0
    return project.folder


@pytest.fixture
def project(workshop: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(workshop, tmp_path / "project")))


def _run(project: Project) -> TrainingRun:
    with project.opened() as work:
        return work.fetch(work.require("train"), TrainingRun)


def test_every_weight_trains_only_with_a_reason_on_record(project: Project) -> None:
    refused = project.luthier("train", "run", "--set", "train.adapter={kind: none}")
    assert refused.code == 2
    assert "train.justification" in refused.err
    run = _run(project)
    assert (run.config["adapter.kind"], run.config["justification"]) == ("none", WHY)
    assert run.trainable_parameters == run.total_parameters
    with project.opened() as work:
        folder = adapter_folder(work, run.adapter)
        kind = work.store.artifacts.info(run.adapter).kind
        base = weights_digest(work.file("base"))
    assert kind == "model"
    assert json.loads((folder / "luthier.json").read_text()) == {"base_weights": base}
    assert run.base_weights == base != weights_digest(folder)


def test_it_is_evaluated_and_put_before_the_gate_with_its_lineage(project: Project) -> None:
    assert project.luthier("evaluate", "run", "tuned", *FULL).code == 0
    proposed = project.luthier("release", "propose", "tuned", "--override", "A test of lineage, not of quality.", *FULL)
    assert proposed.code == 0, proposed.err
    run = _run(project)
    with project.opened() as work:
        release = work.fetch(work.store.releases.all(work.project)[-1].digest, Release)
        card = project.luthier("release", "card", release.id, *FULL).out
        variants = Variants(work, list)
        tuned, base = variants.of("tuned"), variants.of("prompt")
        asked = [row.question for row in benchmark_rows(work, "gold").examples]
        answers = [[each.text for each in variants.answer(one, asked)] for one in (tuned, base)]
    assert release.lineage["adapter"] == run.adapter
    assert WHY in card
    assert answers[0] != answers[1]


def test_it_is_exported_whole_and_never_as_an_adapter(project: Project, tmp_path: Path) -> None:
    done = project.luthier("train", "export", "--format", "merged", "--out", str(tmp_path / "whole"), *FULL)
    assert done.code == 0, done.err
    card = (tmp_path / "whole" / "README.md").read_text()
    assert WHY in card
    assert "nothing was merged" in card
    for form in ("peft", "vllm"):
        refused = project.luthier("train", "export", "--format", form, "--out", str(tmp_path / form), *FULL)
        assert refused.code == 3
        assert "--format merged" in refused.err


def test_the_last_rung_of_the_ladder_trains_every_weight(project: Project) -> None:
    climbed = project.luthier("train", "ladder", "tuned", "--rung", "full", "--json", *FULL)
    assert climbed.code == 0, climbed.err
    found = Climb.model_validate_json(climbed.out)
    [tried] = found.state.tried
    assert tried.rung == "full"
    with project.opened() as work:
        run = work.fetch(tried.run, TrainingRun)
    assert run.trainable_parameters == run.total_parameters
    waiting = project.luthier("train", "ladder", "tuned", "--rung", "full")
    assert waiting.code == 3
    assert "justification" in waiting.err
