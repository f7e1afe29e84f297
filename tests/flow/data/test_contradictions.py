"""Contradicting rows stop the chain until a person has decided about each, by name and with a reason."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flow.lifecycle.play import APPLICATION, AUTHOR, Project

At = Callable[[str], Project]
WHY = "Checked with sales operations on the phone."


def add(project: Project, number: int, ideal: str) -> tuple[str, str]:
    """A row that asks what the so many-th row asks and answers otherwise; the ids of both."""
    file = project.folder / "emails.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows = [row for row in rows if all(message["content"] for message in row["messages"])]
    asked = rows[number]["messages"][-2]["content"]
    messages = [*rows[number]["messages"][:-2], {"role": "user", "content": asked + " Thanks!"}]
    made = {"id": f"conflict-{number}", "messages": [*messages, {"role": "assistant", "content": ideal}],
            "metadata": rows[number]["metadata"]}  # fmt: skip
    file.write_text(file.read_text().rstrip("\n") + "\n" + json.dumps(made) + "\n")
    return rows[number]["id"], made["id"]


@pytest.fixture
def project(project_at: At) -> Project:
    return project_at("fresh")


@pytest.fixture
def conflicts(project: Project) -> list[tuple[str, str]]:
    """Four planted conflicts."""
    return [add(project, number, '{"name": "none", "arguments": {}}') for number in (3, 11, 19, 27)]


def decide(project: Project, pair: tuple[str, str], keep: str, *, by: str = AUTHOR) -> int:
    return project.luthier("data", "resolve", *pair, "--keep", keep, "--reason", WHY, by=by).code


def test_training_is_refused_until_each_contradiction_is_decided_and_then_goes_on(
    project: Project, conflicts: list[tuple[str, str]]
) -> None:
    refused = project.luthier("data", "build")
    assert refused.code == 3
    assert all(f"{one} and {other}: " in refused.error + refused.err for one, other in conflicts)
    trained = project.luthier("train", "run")
    assert trained.code == 3
    waiting = project.answered("data", "contradictions")
    assert {(pair["first"], pair["second"]) for pair in waiting} == set(conflicts)
    assert all("calls differ" in pair["reason"] for pair in waiting)
    for pair, keep in zip(conflicts[:3], ("first", "second", "none"), strict=True):
        assert decide(project, pair, keep) == 0
    again = project.luthier("data", "build")
    assert again.code == 3
    assert f"{conflicts[3][0]} and {conflicts[3][1]}: " in again.err
    assert f"{conflicts[0][0]} and" not in again.err
    assert project.luthier("train", "run").code == 3
    assert decide(project, conflicts[3], "both") == 0
    built = project.luthier("data", "build")
    assert built.code == 0, built.err
    assert project.answered("data", "contradictions") == []
    dropped = {row["id"]: row["detail"] for row in project.answered("data", "show", "--dropped")
               if row["reason"] == "contradiction"}  # fmt: skip
    assert set(dropped) == {conflicts[0][1], conflicts[1][0], *conflicts[2]}
    assert set(dropped.values()) == {f"{AUTHOR}: {WHY}"}
    card = project.luthier("data", "card").out
    assert f"{AUTHOR} marked 1 contradictions as fine." in card
    assert f"{AUTHOR} decided 3 contradictions by hand." in card
    assert project.luthier("audit", "verify").code == 0


def test_who_may_not_gives_no_reason_or_names_other_rows_decides_nothing(
    project: Project, conflicts: list[tuple[str, str]]
) -> None:
    assert project.luthier("data", "build").code == 3
    assert decide(project, conflicts[0], "both", by=APPLICATION) == 2
    assert project.luthier("data", "resolve", *conflicts[0], "--keep", "both", "--reason", WHY).code == 2  # no key
    assert project.luthier("data", "resolve", *conflicts[0], "--keep", "both", "--reason", "ok", by=AUTHOR).code == 2
    assert decide(project, (conflicts[0][0], conflicts[1][0]), "both") == 2
    assert project.luthier("data", "resolve", "--keep", "both", "--reason", WHY, by=AUTHOR).code == 2
    assert len(project.answered("data", "contradictions")) == 4


def test_all_may_be_decided_at_once_and_an_edited_row_is_decided_anew(
    project: Project, conflicts: list[tuple[str, str]]
) -> None:
    assert project.luthier("data", "build").code == 3
    assert project.luthier("data", "resolve", "--all", "--keep", "both", "--reason", WHY, by=AUTHOR).code == 0
    file: Path = project.folder / "emails.jsonl"
    before = file.read_text()
    file.write_text(before.replace('{\\"name\\": \\"none\\"', '{\\"name\\": \\"nothing\\"', 1))
    assert file.read_text() != before
    assert project.luthier("data", "build").code == 3
    assert len(project.answered("data", "contradictions")) == 1
    file.write_text(before)
    assert project.luthier("data", "build").code == 0
