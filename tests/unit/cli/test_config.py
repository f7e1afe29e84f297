"""`luthier config` on a real project file."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from luthier.cli.main import app

runner = CliRunner()


def test_every_value_is_shown_with_its_origin(project: Path) -> None:
    result = runner.invoke(app, ["config", "--project", str(project), "--set", "train.epochs=7", "--json"])
    assert result.exit_code == 0, result.stderr
    found = {row["path"]: (row["value"], row["origin"]) for row in json.loads(result.stdout)}
    assert found["project"] == ("crm-updates", "luthier.yaml:1:10")
    assert found["train.epochs"] == (7, "--set train.epochs")
    assert found["train.adapter.rank"] == (16, "luthier.yaml:22:50")
    assert found["train.seed"] == (0, "default")


def test_without_json_there_is_one_line_per_value(project: Path) -> None:
    result = runner.invoke(app, ["config", "--project", str(project / "luthier.yaml")])
    assert "project\tcrm-updates\tluthier.yaml:1:10" in result.stdout.splitlines()


def test_the_nearest_project_file_upwards_is_used(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "prompts")
    assert runner.invoke(app, ["config"]).exit_code == 0


def test_locations_come_from_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUTHIER_DATABASE_URL", "postgresql://luthier:hunter2@db/luthier")
    result = runner.invoke(app, ["config", "--project", str(project)])
    assert any(
        line.startswith("store.database_url\t") and "LUTHIER_DATABASE_URL" in line
        for line in result.stdout.splitlines()
    )
    assert "hunter2" not in result.stdout


def test_the_complete_file_reads_back_to_the_same_values(project: Path) -> None:
    complete = runner.invoke(app, ["config", "--project", str(project), "--yaml"]).stdout
    assert yaml.safe_load(complete)["rollout"]["bake_hours"] == 48
    (project / "luthier.yaml").write_text(complete, encoding="utf-8")
    assert runner.invoke(app, ["config", "--project", str(project), "--yaml"]).stdout == complete


def test_faults_are_wrong_input(project: Path) -> None:
    result = runner.invoke(app, ["config", "--project", str(project), "--set", "train.epohcs=7"])
    assert result.exit_code == 2
    assert "--set train.epohcs: train.epohcs: unknown key; did you mean `epochs`?" in result.stderr


def test_a_folder_without_a_project_is_wrong_input_that_says_what_to_do(tmp_path: Path) -> None:
    result = runner.invoke(app, ["config", "--project", str(tmp_path)])
    assert result.exit_code == 2
    assert "luthier.yaml" in result.stderr
    assert "try: " in result.stderr
