"""The whole project file: the design's example, article 004's block, and names that do not match."""

from pathlib import Path

import pytest

from luthier.errors import Faults, MissingInput
from luthier.project.environment import Environment
from luthier.project.load import find_project_file, load_project

ARTICLE_004 = """\
evaluation:
  benchmarks:
    - name: task_accuracy
      dataset: s3://eval-data/benchmark-v3.jsonl
      metrics: [exact_match, f1, bertscore]
      stratify_by: [task_type, difficulty]
    - name: safety_regression
      dataset: s3://eval-data/safety-suite.jsonl
      metrics: [refusal_rate, hallucination_rate]
      threshold: refusal_rate >= 0.95, hallucination_rate <= 0.02
  human_eval:
    sample_size: 100
    reviewers: 3
    scale: 1-5
    dimensions: [accuracy, completeness, tone, compliance]
  production_monitoring:
    drift_detection: weekly
    sample_rate: 0.05
    alert_threshold: 10% degradation on any metric
"""


def load(project: Path, *assignments: str):  # type: ignore[no-untyped-def]  # Loaded[ProjectConfig], as the API says
    return load_project(project, assignments=assignments, environment=Environment())


def test_the_design_s_own_example_is_read(project: Path) -> None:
    config = load(project).config
    assert config.project == "crm-updates"
    assert list(config.variants) == ["prompt", "few_shot", "rag", "tuned"]
    assert config.variants["rag"].retrieval == "kb"
    assert config.train.adapter.rank == 16
    assert config.evaluation.production_release.compare_with == ("prompt", "rag")
    assert config.rollout.stages == (5, 25, 50, 100)


def test_article_004_s_evaluation_block_is_accepted_unchanged(project: Path) -> None:
    file = project / "luthier.yaml"
    kept, _, _ = file.read_text(encoding="utf-8").partition("evaluation:")
    file.write_text(kept + ARTICLE_004, encoding="utf-8")
    evaluation = load(project).config.evaluation
    assert [benchmark.name for benchmark in evaluation.benchmarks] == ["task_accuracy", "safety_regression"]
    assert str(evaluation.benchmarks[1].thresholds["refusal_rate"]) == ">= 0.95"
    assert evaluation.human_eval.reviewers == 3
    assert evaluation.production_monitoring.sample_rate == 0.05
    assert evaluation.production_monitoring.degradation == pytest.approx(0.1)


def test_faults_of_every_section_and_of_names_between_them_come_together(project: Path) -> None:
    with pytest.raises(Faults) as caught:
        load(
            project,
            "train.adapter.rank=0",
            "variants.rag.retrieval=kbb",
            "variants.prompt.prompt=prompts/absent.md",
            "rollout.stages=[50, 25, 100]",
            "data.sources.0.lawful_basis=because",
            "evaluation.benchmarks.0.threshold={f1: about half}",
        )
    told = {fault.split(": ")[1] for fault in caught.value.faults}
    assert told == {
        "train.adapter.rank",
        "variants.rag.retrieval",
        "variants.prompt.prompt",
        "rollout",
        "data.sources.0.lawful_basis",
        "evaluation.benchmarks.0.threshold",
    }


def test_a_file_with_nothing_but_a_name_is_told_every_section_it_lacks(project: Path) -> None:
    (project / "luthier.yaml").write_text("project: a\n", encoding="utf-8")
    with pytest.raises(Faults) as caught:
        load(project)
    assert caught.value.faults == (
        "luthier.yaml:1:1: charter: is required",
        "luthier.yaml:1:1: data: is required",
        "luthier.yaml:1:1: variants: is required",
    )


@pytest.mark.parametrize("name", ["CRM", "crm updates", "-crm", "crm/..", ""])
def test_a_project_s_name_is_safe_in_a_path_and_a_url(project: Path, name: str) -> None:
    with pytest.raises(Faults, match="project"):
        load(project, f"project='{name}'")


def test_the_file_is_found_from_its_folder_itself_and_from_below(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "luthier.yaml"
    monkeypatch.chdir(project / "prompts")
    assert {find_project_file(), find_project_file(project), find_project_file(file)} == {file}


def test_no_project_anywhere_says_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingInput) as caught:
        find_project_file()
    assert "--project" in caught.value.hint


def test_the_database_url_is_kept_from_sight(project: Path) -> None:
    loaded = load(project, "store.database_url='postgresql://u:hunter2@db/x'")
    assert "hunter2" not in repr(loaded.config)
    assert loaded.config.store.database_url.get_secret_value().endswith("hunter2@db/x")
