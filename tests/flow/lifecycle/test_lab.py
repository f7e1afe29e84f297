"""Experiments on a project whose baseline is released and whose first run is yet to come."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from luthier.domain.runs import TrainingRun
from luthier.domain.snapshots import GoldSet
from luthier.lifecycle.workspace import Workspace
from luthier.train.lab.tensorboard import first_record
from tests.flow.lifecycle.play import Project
from tests.flow.lifecycle.workshop import make_workshop

SPACE = ("--set", "train.search.space={learning_rate: {low: 1e-4, high: 1e-2, log: true}, adapter.rank: [2, 4]}")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that every test takes a copy of."""
    return make_workshop(tmp_path_factory.mktemp("workshop") / "project").folder


@pytest.fixture
def project(workshop: Path, tmp_path: Path) -> Project:
    """A project of the test's own."""
    return Project(Path(shutil.copytree(workshop, tmp_path / "project")))


def runs(project: Project, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.answered("train", "runs", "list", *words)
    return found


def test_a_run_is_found_by_number_alias_name_and_setting(project: Project) -> None:
    assert project.luthier("train", "run").code == 0
    [only] = runs(project)
    assert (only["number"], only["name"], only["state"]) == (1, "tuning", "done")
    assert project.luthier("train", "runs", "name", "1", "first").code == 0
    for wanted in ("1", "#1", "first", "tuning", only["record"][:8]):
        shown = project.answered("train", "runs", "show", wanted)
        assert (shown["record"], shown["aliases"]) == (only["record"], ["first"])
        assert shown["overfitting"]["outcome"] in {"pass", "fail", "not_enough_evidence"}
    assert len(runs(project, "--where", "adapter.rank=4", "--where", "method=sft")) == 1
    assert runs(project, "--where", "adapter.rank=17") == []
    assert project.luthier("train", "runs", "list", "--where", "adapter.rnk=16").code == 2
    assert project.luthier("train", "runs", "show", "nobody").code == 2
    assert project.luthier("train", "runs", "name", "1", "tuning").code == 2
    compared = project.answered("train", "runs", "compare", "first", "1")
    assert compared["settings"] == []
    assert {each["change"] for each in compared["figures"]} <= {0, None}


def test_a_learning_curve_keeps_every_run_and_does_nothing_twice(project: Project) -> None:
    before = len(runs(project))
    found = project.answered("train", "curve")
    assert [each["share"] for each in found["runs"]] == [0.1, 0.25, 0.5, 1.0]
    rows = [each["rows"] for each in found["runs"]]
    assert rows == sorted(rows)
    assert found["sentence"]
    assert found["answer"] in {"more_rows", "enough_rows", "not_enough_evidence"}
    kept = runs(project)[before:]
    assert [each["name"] for each in kept] == ["curve/0.1#0", "curve/0.25#0", "curve/0.5#0", "curve/1#0"]
    smallest = kept[0]["run"]
    assert smallest["left_out"]["outside_the_subset"] + smallest["rows"] == rows[-1]
    assert all(each["run"]["stopped_because"] == "finished" for each in kept)
    steps = [each["run"]["curve"][-1]["step"] for each in kept]
    assert all(steps[-1] <= each <= 1.25 * steps[-1] for each in steps)  # a part's last epoch is made whole

    counts = project.counts()
    assert project.answered("train", "curve") == found
    assert project.counts() == counts


def test_a_search_goes_on_where_it_was_and_never_reads_the_gold_rows(project: Project) -> None:
    with project.opened() as work:
        _remove_gold(work)
    two = project.answered("train", "search", *SPACE, "--set", "train.search.trials=2")
    before = len(runs(project))
    three = project.answered("train", "search", *SPACE, "--set", "train.search.trials=3")
    assert three["trials"][:2] == two["trials"]
    assert len(three["trials"]) == 3
    assert [each["name"] for each in runs(project)[before:]] == [f"search/{three['search']}/2"]
    losses = [each["loss"] for each in three["trials"] if each["loss"] is not None]
    assert three["best"]["loss"] == min(losses)
    assert not list((project.home / "checkpoints").rglob("state-*"))


def test_an_ablation_is_paired_by_seed(project: Project) -> None:
    found = project.answered("train", "ablate", "--change", "adapter.rank=2", "--seeds", "2")
    [change] = found["changes"]
    rises = [after - before for after, before in zip(change["losses"], found["unchanged"]["losses"], strict=True)]
    assert change["rise"]["value"] == pytest.approx(sum(rises) / 2)
    assert change["rise"]["n"] == 2
    with project.opened() as work:
        ranks = [work.fetch(digest, TrainingRun).config["adapter.rank"] for digest in change["runs"]]
    assert ranks == ["2", "2"]


def test_the_gate_asks_whether_a_tuned_variant_forgot(project: Project) -> None:
    asks = ("--set", "evaluation.forgetting.tolerance=0.05")
    assert project.luthier("train", "run").code == 0
    assert project.luthier("evaluate", "run", "tuned").code == 0
    missing = project.luthier("release", "propose", "tuned", *asks)
    assert missing.code == 4
    unasked = project.luthier("release", "propose", "tuned")
    assert "general ability was not measured" in unasked.out + unasked.err
    found = project.answered("train", "forgetting", "tuned", *asks)
    assert found["before"]["all"]["n"] == found["after"]["all"]["n"] == 240
    project.luthier("release", "propose", "tuned", *asks)
    with project.opened() as work:
        [*_, last] = [row for row in work.store.links.history(work.project) if row.link == "gate"]
        decision = work.store.artifacts.get_bytes(str(last.digest)).decode()
    assert found["verdict"]["reasons"][0] in decision
    unasked = project.luthier("release", "propose", "tuned")
    told = unasked.out + unasked.err
    assert f"general ability is no check of the gate: {found['verdict']['reasons'][0]}" in told


def test_the_ladder_stops_where_the_gate_cannot_tell(project: Project) -> None:
    found = project.answered("train", "ladder", "tuned", "--rung", "lora", "--rung", "full")
    assert [each["rung"] for each in found["state"]["tried"]] == ["lora"]
    assert found["command"]["outcome"] == "measure_more"  # so few gold rows are fewer than this gate asks for
    assert [each["name"] for each in runs(project)][-1] == "ladder-lora"
    assert project.luthier("train", "ladder", "tuned", "--rung", "stairs").code == 2


def test_free_answers_and_event_files_come_with_a_run_that_asks_for_them(project: Project) -> None:
    asks = ("--set", "train.measure={rows: 6, metrics: [exact_match, f1], max_tokens: 6}")
    project.luthier("train", "run", *asks, "--set", "train.tracking=[tensorboard,mlflow]")
    newest = runs(project)[-1]["run"]
    evaluated = [point for point in newest["curve"] if point["validation_loss"] is not None]
    assert all(set(point["tasks"]) == {"exact_match", "f1"} for point in evaluated)
    assert evaluated[0]["tasks"]["exact_match"]["n"] == 6
    assert 0 < newest["measuring_seconds"] < newest["seconds"]
    [file] = (project.home / "tracking" / "tensorboard" / "tuning").iterdir()
    assert file.read_bytes().startswith(first_record(0.0)[:12])
    [meta] = (project.home / "tracking" / "mlflow").glob("*/*/meta.yaml")
    told = yaml.safe_load(meta.read_text())
    assert (told["status"], told["run_name"]) == (3, "tuning")
    losses = (meta.parent / "metrics" / "loss" / "validation").read_text().splitlines()
    assert [float(line.split()[1]) for line in losses] == [point["validation_loss"] for point in evaluated]
    assert (meta.parent / "params" / "adapter.rank").read_text() == "4"


def _remove_gold(work: Workspace) -> None:
    """The bytes of the gold set are gone, so that whoever reads them fails."""
    digest = work.require("data", "gold")
    assert work.fetch(digest, GoldSet).examples
    work.store.artifacts.erase({digest: None}, withdrawal="test", now=work.clock())
