"""Files that are wrong: one clear sentence, the right exit code, and everything kept as it was."""

import json
from collections.abc import Callable

import pytest

from luthier.lifecycle.links.data import gold_set
from tests.flow.lifecycle.play import Project, generate
from tests.flow.lifecycle.stages import ROWS

At = Callable[[str], Project]


def edit(project: Project, old: str, new: str) -> None:
    """One edit of the project file that really edits it."""
    file = project.folder / "luthier.yaml"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_an_unknown_key_is_told_with_its_place_and_the_nearest_key(project_at: At) -> None:
    project = project_at("fresh")
    edit(project, "\ntrain: {adapter", "\ntrian: {adapter")
    lines = (project.folder / "luthier.yaml").read_text().splitlines()
    number = 1 + next(place for place, text in enumerate(lines) if text.startswith("trian"))
    refused = project.luthier("run")
    assert refused.code == 2
    assert f"luthier.yaml:{number}:1: trian: unknown key; did you mean `train`?" in refused.err
    assert "Traceback" not in refused.err


def test_all_faults_of_the_project_file_are_told_at_once(project_at: At) -> None:
    project = project_at("fresh")
    edit(project, "bake_hours: 48", "bake_hours: -1")
    edit(project, "minimum_rows: 200", "minimum_rows: many")
    refused = project.luthier("status")
    assert refused.code == 2
    assert "2 faults" in refused.error
    assert "bake_hours" in refused.err
    assert "minimum_rows" in refused.err


def test_a_project_file_that_is_not_there_is_told_in_one_sentence(project_at: At) -> None:
    project = project_at("fresh")
    (project.folder / "luthier.yaml").unlink()
    refused = project.luthier("run")
    assert (refused.code, "there is no project file" in refused.error or "no luthier.yaml" in refused.error) == (
        2,
        True,
    )


@pytest.mark.parametrize(
    "broken",
    ["{oops", '["a list"]', '{"messages": []}', '{"messages": [{"role": "user", "content": "no answer"}]}', "\xff\xfe"],
)
def test_a_broken_line_is_named_by_file_and_number_and_nothing_is_built(project_at: At, broken: str) -> None:
    project = project_at("fresh")
    file = project.folder / "emails.jsonl"
    lines = file.read_text().splitlines()
    file.write_bytes("\n".join([*lines[:6], broken, *lines[7:]]).encode("latin-1", "replace"))
    refused = project.luthier("data", "build")
    assert refused.code == 2
    assert "emails.jsonl:7" in refused.err
    assert "Traceback" not in refused.err
    assert project.counts() == (0, 0)


def test_every_broken_line_is_told_in_one_go(project_at: At) -> None:
    project = project_at("fresh")
    file = project.folder / "emails.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:6], "{", *lines[7:12], "}", *lines[13:]]))
    refused = project.luthier("data", "build")
    assert refused.code == 2
    assert "emails.jsonl:7" in refused.err
    assert "emails.jsonl:13" in refused.err


@pytest.mark.parametrize(("name", "words"), [("emails.jsonl", ("data", "build")), ("kb", ("evaluate", "run", "rag"))])
def test_missing_material_is_named_with_where_it_is_asked_for(
    project_at: At, name: str, words: tuple[str, ...]
) -> None:
    project = project_at("unreviewed")
    project.folder.joinpath(name).rename(project.folder / "elsewhere")
    before = project.counts()
    refused = project.luthier(*words)
    assert refused.code == 2
    assert refused.error == f"{str(project.folder / name)!r} does not exist"
    assert "it is named in luthier.yaml" in refused.err
    assert project.counts() == before


@pytest.mark.parametrize(("name", "key"), [("tools.json", "tools"), ("prompts/short.md", "variants.tuned_rag.prompt")])
def test_a_missing_part_of_the_project_is_told_before_anything_runs(project_at: At, name: str, key: str) -> None:
    project = project_at("unreviewed")
    file = project.folder / name
    file.rename(project.folder / "elsewhere")
    refused = project.luthier("run")
    assert refused.code == 2
    assert f"{key}: there is no file {name!r} in the project's folder" in refused.err


def test_an_unknown_variant_is_told_with_the_nearest_one(project_at: At) -> None:
    refused = project_at("unreviewed").luthier("evaluate", "run", "promt")
    assert (refused.code, refused.error) == (2, "no variant is named 'promt'")
    assert "did you mean 'prompt'?" in refused.err


def test_contradictions_stop_the_build_by_name(project_at: At) -> None:
    project = project_at("fresh")
    generate(project.folder, *ROWS, "--plant", "contradictions", "8")
    planted = [row["id"] for row in json.loads((project.folder / "planted.json").read_text())]
    refused = project.luthier("data", "build")
    assert refused.code == 3
    assert sum(name in refused.err for name in planted) >= 6  # 70% is what the acceptance asks
    assert project.link("data")["state"] == "refused"
    assert project.link("data")["digest"] is None
    generate(project.folder, *ROWS)
    assert project.luthier("data", "build").code == 0


def test_rows_that_give_the_gold_set_away_stop_the_build_by_name(project_at: At) -> None:
    project = project_at("unreviewed")
    with project.opened() as work:
        gold = {row.id for row in gold_set(work).examples}
    written = [json.loads(line) for line in (project.folder / "emails.jsonl").read_text().splitlines()]
    known = {words_of(row["messages"][0]["content"]) for row in written if row["id"] in gold}
    generate(project.folder, *ROWS, "--plant", "leakage", "120")
    planted = json.loads((project.folder / "planted.json").read_text())
    leaks = [row["id"] for row in planted if words_of(row["text"]) in known]
    assert len(leaks) >= 5
    refused = project.luthier("data", "build")
    assert refused.code == 3
    assert [name for name in leaks if name not in refused.err] == []
    generate(project.folder, *ROWS)
    assert project.luthier("data", "build").code == 0


def words_of(text: str) -> tuple[str, ...]:
    """What the planted edits leave as it was: the words, whatever their case, order and spacing."""
    return tuple(sorted(text.casefold().split()))
