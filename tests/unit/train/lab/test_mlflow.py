"""What MLflow's own file store reads of the files that are written without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from luthier.domain.measure import Measurement
from luthier.domain.runs import CurvePoint
from luthier.train.config import TrainConfig
from luthier.train.lab.mlflow import MlflowRun, first_files, flat, meta_file, metric_lines

READER = """
import json, sys
from mlflow.store.tracking.file_store import FileStore
store = FileStore(sys.argv[1])
[experiment] = [each for each in store.search_experiments() if each.name != "Default"]
found = []
for run in store.search_runs([experiment.experiment_id], "", 1):
    history = {name: [[m.timestamp, m.value, m.step] for m in store.get_metric_history(run.info.run_id, name)]
               for name in run.data.metrics}
    found.append({"status": run.info.status, "name": run.info.run_name, "params": run.data.params,
                  "ended": run.info.end_time, "history": history})
print(json.dumps({"experiment": experiment.name, "runs": found}))
"""


def read_by_mlflow(root: Path) -> dict[str, object]:
    """The runs as MLflow's own store has them; in a process of its own, without its telemetry."""
    variables = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}
    command = [sys.executable, "-W", "ignore", "-c", READER, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def made(root: Path) -> MlflowRun:
    return MlflowRun("crm", "curve/0.1#0", 3, 1_700_000_000.5, "ann", root.resolve().as_uri())


def write(root: Path, files: dict[str, str], mode: str = "w") -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open(mode) as file:
            file.write(text)


def test_mlflow_reads_settings_and_every_figure_at_its_step(tmp_path: Path) -> None:
    pytest.importorskip("mlflow.version", reason="mlflow-skinny is not installed")
    run, config = made(tmp_path), TrainConfig(epochs=3)
    asked = Measurement.of_proportion("exact_match", 3, n=4)
    points = [
        CurvePoint(step=0, epoch=0, validation_loss=2.5, tasks={"exact_match": asked}),
        CurvePoint(step=7, epoch=0.5, train_loss=1.25, validation_loss=1e-9, learning_rate=1e-3),
    ]
    write(tmp_path, first_files(run, config.recipe))
    for folder in run.folders:
        (tmp_path / folder).mkdir(exist_ok=True)
    for at, point in enumerate(points):
        write(tmp_path, metric_lines(run, point, 1_700_000_001.0 + at), mode="a")
    write(tmp_path, meta_file(run, "finished", ended=1_700_000_010.0))
    found = read_by_mlflow(tmp_path)
    assert found["experiment"] == "crm"
    [told] = found["runs"]  # type: ignore[misc]
    assert (told["status"], told["name"], told["ended"]) == ("FINISHED", "curve/0.1#0", 1_700_000_010_000)
    assert told["params"] == flat(config.recipe)
    assert told["params"]["adapter.rank"] == "32"
    assert told["history"] == {
        "loss/validation": [[1_700_000_001_000, 2.5, 0], [1_700_000_002_000, 1e-9, 7]],
        "loss/train": [[1_700_000_002_000, 1.25, 7]],
        "learning_rate": [[1_700_000_002_000, 1e-3, 7]],
        "task/exact_match": [[1_700_000_001_000, 0.75, 0]],
    }


def test_attempts_and_projects_never_share_a_run(tmp_path: Path) -> None:
    first = made(tmp_path)
    again = MlflowRun(first.project, first.name, 4, first.began, first.user, first.uri)
    other = MlflowRun("erp", first.name, first.attempt, first.began, first.user, first.uri)
    assert len({first.id, again.id, other.id}) == 3
    assert first.experiment == again.experiment != other.experiment
    assert all(len(run.id) == 32 for run in (first, again, other))
