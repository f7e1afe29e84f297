"""Tuning on nonsense gains nothing, and tuning on the truth gains something: so the measuring can tell them apart."""

from pathlib import Path

import pytest

from luthier.domain.reports import Comparison, Report
from luthier.lifecycle.links.evaluation import settle_comparison
from luthier.lifecycle.links.training import CONTROL
from luthier.lifecycle.workspace import Workspace
from tests.flow.lifecycle.play import APPROVER
from tests.flow.lifecycle.stages import READS, Stages

LONGER = ("--set", "train.epochs=6")


def gain(work: Workspace, label: str) -> tuple[float, float]:
    """Ends of the paired interval by which `tuned_rag` beats the prompt on exact calls."""
    [benchmark] = work.config.evaluation.benchmarks
    name = f"tuned_rag{'@' + label if label else ''}/{benchmark.name}"
    report = work.fetch(work.require("evaluate", name), Report)
    found = work.fetch(settle_comparison(work, report, label=label).digest, Comparison)
    [pair] = [one for one in found.differences if (one.other, one.metric) == ("prompt", "exact_match")]
    return pair.low, pair.high


@pytest.mark.slow
def test_a_control_on_shuffled_answers_gains_nothing_where_the_real_run_does(stages: Stages, tmp_path: Path) -> None:
    project = stages.copy("unapproved", tmp_path / "project")
    assert project.luthier("release", "approve", "crm-small-1", "--reason", READS, by=APPROVER).code == 0
    assert project.luthier("run", *LONGER).code == 4  # sixty rows are fewer than this gate asks for
    assert project.luthier("train", "control", *LONGER).code == 0
    assert project.luthier("evaluate", "run", "tuned_rag", "--control", *LONGER).code == 0
    with project.opened() as work:
        real_low, _ = gain(work, "")
        control_low, _ = gain(work, CONTROL)
    assert real_low > 0
    assert control_low <= 0
