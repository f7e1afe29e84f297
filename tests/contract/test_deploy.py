"""What `deploy/` starts exists: every command and option in the CLI, every setting in the project's schema."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from luthier.cli.main import app
from luthier.project.environment import Environment
from luthier.project.load import load_project

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
EXAMPLE = ROOT / "examples" / "crm-updates" / "luthier.yaml"
OURS = ("gateway", "controller", "engine")


def compose() -> dict[str, Any]:
    """The compose file as docker reads it, `$$` being its way to write a `$`."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8").replace("$$", "$"))


def dockerfile_command() -> list[str]:
    """The words of the image's own command."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    found = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    return json.loads(found[-1])


def value_of(path: str) -> str:
    """A value of the chart, by its dotted path."""
    found: Any = yaml.safe_load((DEPLOY / "chart" / "values.yaml").read_text(encoding="utf-8"))
    for name in path.split("."):
        found = found[name]
    return str(found)


def chart_commands() -> dict[str, list[str]]:
    """The arguments of each container of the chart, with the values put in."""
    text = (DEPLOY / "chart" / "templates" / "gateway.yaml").read_text(encoding="utf-8")
    found = {}
    for name, block in re.findall(r"- name: (\w+)\n +image:.*\n.*\n +args:\n((?: +- \S.*\n)+)", text):
        told = re.sub(r"\{\{ \.Values\.([\w.]+) \}\}", lambda match: value_of(match[1]), block)
        found[f"chart {name}"] = [line.strip().removeprefix("- ") for line in told.splitlines()]
    return found


COMMANDS = (
    {"Dockerfile": dockerfile_command()}
    | {name: compose()["services"][name]["command"] for name in OURS}
    | chart_commands()
)


def test_the_image_the_compose_file_and_the_chart_are_all_looked_at() -> None:
    assert set(COMMANDS) == {"Dockerfile", *OURS, "chart gateway", "chart controller"}


def parsed(words: list[str]) -> dict[str, Any]:
    """The values of a command's options; a click error where the CLI knows no such thing."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("luthier", [], resilient_parsing=True)
    while hasattr(command, "get_command"):
        name, *words = words
        command = command.get_command(context, name)
        assert command is not None, name
    return command.make_context("luthier", list(words)).params


def settings(words: list[str]) -> list[str]:
    told = [word.removeprefix("--set=") for word in words if word.startswith("--set=")]
    return told + [words[place + 1] for place, word in enumerate(words) if word == "--set"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_that_is_deployed_exists(name: str) -> None:
    assert len(parsed(list(COMMANDS[name]))) > 2


@pytest.mark.parametrize("wrong", [["gateway", "--no-such"], ["gateway"], ["rollout", "watch", "--workers=2"]])
def test_a_command_that_the_cli_does_not_know_is_seen(wrong: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)no such option|missing (option|parameter)"):
        parsed(wrong)


def test_every_setting_that_is_deployed_is_one_of_the_project_file() -> None:
    told = sorted({each for words in COMMANDS.values() for each in settings(words)})
    assert len(told) >= 3
    environment = Environment({"LUTHIER_DATABASE_PASSWORD": "secret"})
    loaded = load_project(EXAMPLE, assignments=told, environment=environment)
    assert loaded.config.gateway.host == "0.0.0.0"
    url = loaded.config.store.database_url
    assert url is not None
    assert "secret" in url.get_secret_value()


@pytest.mark.parametrize("name", OURS)
def test_every_container_of_ours_is_confined(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["user"] == "10001:10001"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_runs_as_nobody_in_particular_and_leaves_its_tools_behind() -> None:
    stages = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").split("FROM python")[1:]
    assert len(stages) == 2
    assert "USER 10001:10001" in stages[1]
    assert "HEALTHCHECK" in stages[1]
    assert not re.search(r"apt-get|pip install|COPY src", stages[1])


def test_no_secret_is_written_into_a_file() -> None:
    for service in compose()["services"].values():
        for name, value in service["environment"].items():
            if re.search(r"KEY|PASSWORD", name):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), name
