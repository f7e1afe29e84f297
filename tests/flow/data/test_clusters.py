"""Rows that say the same are shown in clusters, each with how it says the same and whether it stays."""

import json
from collections.abc import Callable

from tests.flow.lifecycle.play import Project

At = Callable[[str], Project]


def add(project: Project, row_id: str, asked: str, ideal: str) -> None:
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": ideal}]
    row = {"id": row_id, "messages": messages, "metadata": {"customer_id": row_id, "task_type": "create"}}
    with (project.folder / "emails.jsonl").open("a") as file:
        file.write("\n" + json.dumps(row))


def test_copies_and_rewordings_are_one_cluster_each_with_its_level(project_at: At) -> None:
    project = project_at("fresh")
    add(project, "asked", "I called my doctor about the broken violin and he was angry", "noted as angry")
    add(project, "copied", "I called my DOCTOR about the broken violin and he was angry", "noted as angry")
    add(project, "reworded", "I called my physician about the broken violin and he was furious", "noted as angry")
    built = project.luthier("data", "build")
    assert built.code == 0, built.err
    found = project.answered("data", "show", "--clusters")
    [mine] = [cluster for cluster in found if cluster["first"]["id"] == "asked"]
    assert {(row["id"], row["level"], row["is_kept"]) for row in mine["others"]} == {
        ("copied", "exact", False), ("reworded", "semantic", True),
    }  # fmt: skip
    assert mine["first"]["asked"] == "I called my doctor about the broken violin and he was angry"
    told = project.luthier("data", "show", "--clusters").out
    assert "copied (exact, left out)" in told
    assert "reworded (semantic): I called my physician about the broken violin and he was furious" in told
    assert project.answered("data", "card")["reworded"]["2"] >= 1
    assert project.luthier("data", "show", "--clusters", "--dropped").code == 2
