"""The SNIPS importer: real spans, repaired bytes, nothing on both sides, and every target a valid call."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.calls import ToolSpec, parse_call

EXAMPLE = Path(__file__).parents[3] / "examples" / "tool-calls"
INTENTS = {
    "PlayMusic": [
        [{"text": "Play "}, {"text": "Beyonc\u00e9 ", "entity": "artist"}, {"text": " on "},
         {"text": "Spotify", "entity": "service"}, {"text": "\n"}],
        [{"text": "play the "}, {"text": "album", "entity": "music_item"}, {"text": " "},
         {"text": "Blue", "entity": "album"}, {"text": " "}, {"text": "record", "entity": "music_item"}],
    ],
    "GetWeather": [[{"text": "rain in "}, {"text": "Oslo", "entity": "city"}, {"text": "?"}]],
}  # fmt: skip
HELD_OUT = {
    "PlayMusic": [[{"text": "play "}, {"text": "Bj\u00f6rk", "entity": "artist"}]],
    "GetWeather": [
        [{"text": "Rain  in "}, {"text": "OSLO", "entity": "city"}, {"text": "?"}],
        [{"text": "snow in "}, {"text": "Rome", "entity": "city"}],
    ],
}


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("import_snips", EXAMPLE / "import_snips.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["import_snips"] = module
    spec.loader.exec_module(module)
    return module


snips = _module()


@pytest.fixture
def imported(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    engines = tmp_path / "data" / "2017-06-custom-intent-engines"
    for file, sets in (("train_{}_full.json", INTENTS), ("validate_{}.json", HELD_OUT)):
        for intent, rows in sets.items():
            (engines / intent).mkdir(parents=True, exist_ok=True)
            text = json.dumps({intent: [{"data": parts} for parts in rows]}, ensure_ascii=False)
            encoding = "latin-1" if "train_PlayMusic" in file.format(intent) else "utf-8"
            (engines / intent / file.format(intent)).write_bytes(text.encode(encoding))
    command = [sys.executable, EXAMPLE / "import_snips.py", "--data", tmp_path / "data", "--out", tmp_path / "out"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "3 training rows (0 too like" in done.stdout
    assert "2 gold\nrows (1 that stand" in done.stdout
    assert "1 bytes were Latin-1" in done.stdout
    lines = {n: (tmp_path / "out" / f"{n}.jsonl").read_text(encoding="utf-8").splitlines() for n in ("train", "gold")}
    found = {name: [json.loads(line) for line in rows] for name, rows in lines.items()}
    return {**found, "tools": json.loads((tmp_path / "out" / "tools.json").read_text())}


def test_spans_become_arguments_as_they_were_said_and_in_their_order(
    imported: dict[str, list[dict[str, Any]]],
) -> None:
    asked, answer = (message["content"] for message in imported["train"][1]["messages"])
    assert asked == "Play Beyonc\u00e9  on Spotify"
    assert answer == '{"name": "PlayMusic", "arguments": {"artist": "Beyonc\u00e9", "service": "Spotify"}}'


def test_a_slot_that_occurs_twice_holds_both_spans(imported: dict[str, list[dict[str, Any]]]) -> None:
    row = imported["train"][2]
    assert json.loads(row["messages"][1]["content"])["arguments"] == {"music_item": "album, record", "album": "Blue"}
    assert row["metadata"] == {"task_type": "PlayMusic", "difficulty": "easy"}


def test_an_utterance_that_stands_in_training_leaves_the_gold_set_whatever_its_case_and_spacing(
    imported: dict[str, list[dict[str, Any]]],
) -> None:
    assert [row["id"] for row in imported["gold"]] == ["validate_GetWeather:1", "validate_PlayMusic:0"]


def test_every_target_is_a_valid_call_and_a_slot_never_seen_is_not(imported: dict[str, list[dict[str, Any]]]) -> None:
    tools = [ToolSpec.model_validate(tool) for tool in imported["tools"]]
    for row in (*imported["train"], *imported["gold"]):
        assert parse_call(row["messages"][-1]["content"], tools).fault is None
    unknown = '{"name": "GetWeather", "arguments": {"artist": "x"}}'
    assert parse_call(unknown, tools).fault == "bad_arguments"


def test_a_folder_without_the_benchmark_is_refused_with_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLE / "import_snips.py", "--data", tmp_path, "--out", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "clone sonos/nlu-benchmark" in done.stderr
    assert not (tmp_path / "out").exists()


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=6))
def test_whole_utf8_text_is_never_repaired(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert snips.decoded(text.encode("utf-8")) == (text, 0)


def test_latin1_bytes_between_utf8_ones_are_read_and_counted() -> None:
    assert snips.decoded("é".encode() + b"\xed" + "ö".encode()) == ("éíö", 1)
