from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from luthier.domain.verdicts import Threshold
from luthier.evaluate.config import BenchmarkConfig, EvaluationConfig, HumanEvaluationConfig
from luthier.project.config import EvaluationSection

ARTICLE = yaml.safe_load((Path(__file__).parent / "article_004.yaml").read_text(encoding="utf-8"))["evaluation"]


def test_article_004s_whole_section_is_read_unchanged() -> None:
    got = EvaluationSection.model_validate(ARTICLE)
    accuracy, safety = got.benchmarks
    assert accuracy.dataset == "s3://eval-data/benchmark-v3.jsonl"
    assert accuracy.metrics == ("exact_match", "f1", "bertscore")
    assert accuracy.stratify_by == ("task_type", "difficulty")
    assert safety.thresholds == {
        "refusal_rate": Threshold(comparator=">=", limit=0.95),
        "hallucination_rate": Threshold(comparator="<=", limit=0.02),
    }
    assert got.human_eval is not None
    assert (got.human_eval.sample_size, got.human_eval.reviewers, got.human_eval.marks) == (100, 3, (1, 5))
    assert got.human_eval.dimensions == ("accuracy", "completeness", "tone", "compliance")
    assert got.production_monitoring.sample_rate == 0.05


@pytest.mark.parametrize(
    "written",
    [
        {"refusal_rate": ">= 0.95", "hallucination_rate": "<= 2%"},
        ["refusal_rate >= 0.95", "hallucination_rate <= 0.02"],
        "refusal_rate >= 0.95, hallucination_rate <= 0.02",
    ],
)
def test_thresholds_are_the_same_however_they_are_written(written: object) -> None:
    got = BenchmarkConfig.model_validate({"name": "safety", "threshold": written})
    assert {metric: str(line) for metric, line in got.thresholds.items()} == {
        "refusal_rate": ">= 0.95",
        "hallucination_rate": "<= 0.02",
    }
    assert got.measured == ("refusal_rate", "hallucination_rate")


def test_a_line_without_a_metric_belongs_to_the_only_one() -> None:
    got = BenchmarkConfig.model_validate({"name": "safety", "metrics": ["refusal_rate"], "threshold": ">= 95%"})
    assert got.thresholds == {"refusal_rate": Threshold(comparator=">=", limit=0.95)}


def test_a_metric_that_is_judged_is_measured_once() -> None:
    got = BenchmarkConfig.model_validate(
        {"name": "t", "metrics": "exact_match, f1", "threshold": "f1 > 0.5, answered > 0"}
    )
    assert got.measured == ("exact_match", "f1", "answered")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"metrics": ["f1"], "threshold": {"f1": "=> 0.9"}}, "'=> 0.9' is not a threshold"),
        ({"metrics": ["f1"], "threshold": {"f1": "about 0.9"}}, "is not a threshold"),
        ({"metrics": ["f1"], "threshold": {"f1": 0.9}}, "valid string"),
        ({"metrics": ["f1", "answered"], "threshold": ">= 0.9"}, "needs exactly one metric"),
        ({"metrics": []}, "measures nothing"),
        ({"metric": ["f1"]}, "Extra inputs"),
        ({"metrics": ["f1"], "dataset": ""}, "at least 1 character"),
    ],
)
def test_a_malformed_benchmark_is_refused_when_read(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        BenchmarkConfig.model_validate({"name": "t", **written})


def test_two_benchmarks_of_one_name_are_refused() -> None:
    one = {"name": "t", "metrics": ["f1"]}
    with pytest.raises(ValidationError, match="share the name"):
        EvaluationConfig.model_validate({"benchmarks": [one, one]})


def test_without_a_section_task_accuracy_is_measured_on_the_gold_set() -> None:
    [only] = EvaluationConfig().benchmarks
    assert (only.name, only.dataset) == ("task_accuracy", "gold")


@pytest.mark.parametrize("scale", ["5-1", "3-3", "good-bad", "5"])
def test_a_scale_without_two_marks_is_refused(scale: str) -> None:
    with pytest.raises(ValidationError):
        HumanEvaluationConfig(scale=scale)


@given(st.text(max_size=30))
def test_no_threshold_text_breaks_the_reading(text: str) -> None:
    try:
        got = BenchmarkConfig.model_validate({"name": "t", "metrics": ["f1"], "threshold": {"f1": text}})
    except ValidationError:
        return
    assert got.thresholds["f1"] == Threshold.parse(text)
