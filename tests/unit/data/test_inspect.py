"""Inspection: what a file holds, and a section that reads it once somebody has said why it may be used."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from luthier.data.config import DataConfig
from luthier.data.inspect import SHOWN_ROWS, Inspection, inspect, section_for
from luthier.data.inspect_page import page
from luthier.errors import Faults, UserError

QUESTIONS = [f"Where is the card number {number} that I ordered from you?" for number in range(30)]


@pytest.fixture
def looked(tmp_path: Path) -> Inspection:
    rows: list[Any] = [
        {"question": question, "answer": "It is on its way. " * 20, "team": f"t{place % 3}"}
        for place, question in enumerate(QUESTIONS)
    ]
    lines = [*(json.dumps(row) for row in rows), "{broken"]
    (tmp_path / "cards.jsonl").write_text("\n".join(lines))
    section = section_for(path="cards.jsonl", format="auto", columns={"prompt": "question", "completion": "answer"})
    return inspect(section, folder=tmp_path)


def test_rows_roles_lengths_languages_and_tags_are_counted(looked: Inspection) -> None:
    assert (looked.rows, looked.formats, looked.roles) == (30, {"prompt_completion": 1}, {"user": 30, "assistant": 30})
    assert looked.characters["answer"] == {"5%": 360, "median": 360, "95%": 360, "longest": 360}
    assert looked.languages == {"en": 30}
    assert looked.tags == {"team": 3}


def test_ten_rows_are_shown_and_long_texts_are_cut(looked: Inspection) -> None:
    assert len(looked.shown) == SHOWN_ROWS
    assert looked.shown[0].messages[0] == ("user", QUESTIONS[0])
    assert looked.shown[0].messages[1][1].endswith("... (360 characters)")


def test_faults_are_told_beside_the_rows(looked: Inspection) -> None:
    assert (looked.faults, looked.first_faults[0].split(": ")[0]) == (1, "cards.jsonl:31")


def test_what_gives_no_row_is_told_beside_the_rows(tmp_path: Path) -> None:
    same = {"prompt": "hi", "chosen": "ho", "rejected": "ho"}
    (tmp_path / "a.jsonl").write_text(json.dumps(same | {"rejected": "no"}) + "\n" + json.dumps(same))
    found = inspect(section_for(path="a.jsonl"), folder=tmp_path)
    assert (found.rows, found.faults) == (1, 0)
    assert found.left_out == {"the answer chosen and the one rejected are the same": 1}


def test_answers_that_were_judged_by_themselves_are_counted_by_what_was_thought_of_them(tmp_path: Path) -> None:
    rows = [{"prompt": "hi", "completion": "ho", "label": label} for label in (True, False, False)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = inspect(section_for(path="a.jsonl"), folder=tmp_path)
    assert (found.liked, found.disliked) == (1, 2)
    assert "answers judged by themselves: 1 liked, 2 not" in page(found)
    assert page(found).count("  not liked") == 2


def test_the_proposal_reads_the_file_once_consent_is_filled_in_and_never_before(looked: Inspection) -> None:
    told = yaml.safe_load(looked.proposal)["data"]
    (source,) = told["sources"]
    assert source == {
        "path": "cards.jsonl",
        "format": "prompt_completion",
        "columns": {"prompt": "question", "completion": "answer"},
    }
    with pytest.raises(ValueError, match="lawful_basis"):
        DataConfig.model_validate(told)
    assert (
        DataConfig.model_validate({"sources": [source | {"lawful_basis": "contract"}]}).sources[0].path == "cards.jsonl"
    )


def test_the_page_tells_what_the_figures_tell(looked: Inspection) -> None:
    text = page(looked)
    for part in ("30 rows", "languages: en 30", "faults: 1", QUESTIONS[9], "lawful_basis", looked.proposal):
        assert part in text
    assert QUESTIONS[10] not in text


def test_noise_that_cleaning_could_cut_is_pointed_out(tmp_path: Path) -> None:
    row = {"prompt": "<p>Is it <b>ready</b>?</p>", "completion": "Yes."}
    (tmp_path / "a.jsonl").write_text("\n".join([json.dumps(row)] * 5))
    found = inspect(section_for(path="a.jsonl"), folder=tmp_path)
    assert found.advice == ("5 of 10 texts hold HTML; `clean: {mark_up: true}` turns it into text",)


def test_a_format_that_nobody_knows_is_told_with_its_fields(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"doc": "x", "summary": "y"}')
    with pytest.raises(Faults, match=r"\['doc', 'summary'\]"):
        inspect(section_for(path="a.jsonl"), folder=tmp_path)


def test_a_folder_is_read_as_far_as_it_can_be_and_every_other_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"schema": "x"}')
    (tmp_path / "b.jsonl").write_text('{"prompt": "hi", "completion": "ho"}')
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 and no archive")
    (tmp_path / "d.jsonl").write_text('{"question": "x", "answer": "y"}')
    found = inspect(section_for(path="."), folder=tmp_path)
    assert (found.rows, found.faults) == (1, 3)
    assert [
        "a.json" in found.first_faults[0],
        "c.zip" in found.first_faults[1],
        "d.jsonl" in found.first_faults[2],
    ] == ([True] * 3)
    assert any("--column prompt=question --column completion=answer" in hint for hint in found.advice)


def test_a_folder_of_which_nothing_can_be_read_is_refused_with_all_its_files(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text('{"doc": "x"}')
    with pytest.raises(Faults, match=r"2 faults") as refused:
        inspect(section_for(path="."), folder=tmp_path)
    assert ["a.jsonl" in refused.value.faults[0], "b.jsonl" in refused.value.faults[1]] == [True, True]


def test_one_file_that_cannot_be_read_to_its_end_is_refused_whatever_came_before(tmp_path: Path) -> None:
    rows = json.dumps({"prompt": "hi", "completion": "ho"}) + "\n"
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(rows.encode() * 20_000)[:-300])
    with pytest.raises(UserError, match="cannot be unpacked"):
        inspect(section_for(path="a.jsonl.gz"), folder=tmp_path)


def test_a_field_that_luthier_does_not_have_cannot_be_mapped() -> None:
    with pytest.raises(UserError):
        section_for(path="a.jsonl", columns={"promt": "x"})
