"""MLflow's files of one run, written without MLflow: what `mlflow ui` shows and `mlflow migrate-filestore` takes over.

The library takes five processor seconds to import, asks the network for a telemetry configuration when it is imported,
and refuses this very layout unless a variable allows it; the layout itself is text.

Source: mlflow 3.17, store/tracking/file_store.py; https://mlflow.org/docs/latest/self-hosting/migrate-from-file-store
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import yaml
from pydantic import JsonValue

from luthier.domain.digests import digest_of
from luthier.domain.runs import CurvePoint
from luthier.train.lab.tensorboard import figures_of

Status = Literal["running", "finished", "failed"]
_STATUS: Mapping[Status, int] = {"running": 1, "finished": 3, "failed": 4}
_MILLISECONDS = 1_000
PARAMETER_LETTERS = 6_000
"""Longer values are refused by MLflow."""


@dataclass(frozen=True)
class MlflowRun:
    """One attempt at a run, below the folder `root` whose address is `uri`."""

    project: str
    name: str
    attempt: int
    began: float
    """Seconds since 1970."""
    user: str
    uri: str

    @property
    def experiment(self) -> str:
        """The experiment's number; the same for a project whoever asks."""
        return str(int(digest_of(["experiment", self.project])[:12], 16))

    @property
    def id(self) -> str:
        """32 hexadecimal digits, of which no other run of the project has the same."""
        return digest_of([self.project, self.name, self.attempt, self.began])[:32]

    @property
    def folder(self) -> str:
        """Where the run lies below the root."""
        return f"{self.experiment}/{self.id}"

    @property
    def folders(self) -> tuple[str, ...]:
        """What must lie in the run's folder before MLflow takes it for one."""
        return tuple(f"{self.folder}/{name}" for name in ("artifacts", "metrics", "params", "tags"))


def first_files(run: MlflowRun, settings: Mapping[str, JsonValue]) -> dict[str, str]:
    """Path below the root -> text of all that is known before the first step."""
    experiment: dict[str, object] = {
        "artifact_location": f"{run.uri}/{run.experiment}", "creation_time": _milliseconds(run.began),
        "experiment_id": run.experiment, "last_update_time": _milliseconds(run.began), "lifecycle_stage": "active",
        "name": run.project,
    }  # fmt: skip
    told = {f"{run.folder}/params/{name}": text[:PARAMETER_LETTERS] for name, text in flat(settings).items()}
    tags = {f"{run.folder}/tags/mlflow.runName": run.name, f"{run.folder}/tags/mlflow.user": run.user}
    return {f"{run.experiment}/meta.yaml": yaml.safe_dump(experiment), **meta_file(run, "running"), **told, **tags}


def meta_file(run: MlflowRun, status: Status, *, ended: float | None = None) -> dict[str, str]:
    """The run's own record; `ended` in seconds since 1970."""
    meta: dict[str, object] = {
        "artifact_uri": f"{run.uri}/{run.folder}/artifacts", "deleted_time": None,
        "end_time": None if ended is None else _milliseconds(ended), "entry_point_name": "",
        "experiment_id": run.experiment, "lifecycle_stage": "active", "run_id": run.id, "run_name": run.name,
        "run_uuid": run.id, "source_name": "", "source_type": 4, "source_version": "",
        "start_time": _milliseconds(run.began), "status": _STATUS[status], "tags": [], "user_id": run.user,
    }  # fmt: skip
    return {f"{run.folder}/meta.yaml": yaml.safe_dump(meta)}


def metric_lines(run: MlflowRun, point: CurvePoint, at: float) -> dict[str, str]:
    """Path below the root -> the line to append to that metric's file."""
    return {
        f"{run.folder}/metrics/{name}": f"{_milliseconds(at)} {value!r} {point.step}\n"
        for name, value in figures_of(point).items()
    }


def flat(settings: Mapping[str, JsonValue], prefix: str = "") -> dict[str, str]:
    """Nested settings under dotted names."""
    found: dict[str, str] = {}
    for key, value in settings.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": str(value)}
    return found


def _milliseconds(seconds: float) -> int:
    return round(seconds * _MILLISECONDS)
