"""The SNIPS importer: real spans, repaired bytes, nothing on both sides, and every target a valid call."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from random import Random
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


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


recombine = _module("recombine")  # before the importer, which looks for it by this name
snips = _module("import_snips")
run = _module("run")


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
    files = {name: tmp_path / "out" / f"{name}.jsonl" for name in ("train", "recombined", "gold")}
    lines = {name: file.read_text(encoding="utf-8").splitlines() for name, file in files.items()}
    found = {name: [json.loads(line) for line in rows] for name, rows in lines.items()}
    return {**found, "tools": json.loads((tmp_path / "out" / "tools.json").read_text())}


def test_spans_become_arguments_as_they_were_said(imported: dict[str, list[dict[str, Any]]]) -> None:
    asked, answer = (message["content"] for message in imported["train"][1]["messages"])
    assert asked == "Play Beyonc\u00e9  on Spotify"
    assert answer == '{"name": "PlayMusic", "arguments": {"artist": "Beyonc\u00e9", "service": "Spotify"}}'


def test_arguments_stand_in_one_order_whatever_was_said_first(imported: dict[str, list[dict[str, Any]]]) -> None:
    order = {tool["name"]: list(tool["parameters"]["properties"]) for tool in imported["tools"]}
    assert order["PlayMusic"] != sorted(order["PlayMusic"])
    for row in (*imported["train"], *imported["recombined"], *imported["gold"]):
        call = json.loads(row["messages"][-1]["content"])
        places = [order[call["name"]].index(name) for name in call["arguments"]]
        assert places == sorted(places)


def test_a_slot_that_occurs_twice_holds_both_spans(imported: dict[str, list[dict[str, Any]]]) -> None:
    row = imported["train"][2]
    assert json.loads(row["messages"][1]["content"])["arguments"] == {"music_item": "album, record", "album": "Blue"}
    assert row["metadata"] == {"task_type": "PlayMusic", "difficulty": "easy", "origin": "train_PlayMusic_full:1"}


def test_an_utterance_that_stands_in_training_leaves_the_gold_set_whatever_its_case_and_spacing(
    imported: dict[str, list[dict[str, Any]]],
) -> None:
    assert [row["id"] for row in imported["gold"]] == ["validate_GetWeather:1", "validate_PlayMusic:0"]


def test_every_target_is_a_valid_call_and_a_slot_never_seen_is_not(imported: dict[str, list[dict[str, Any]]]) -> None:
    tools = [ToolSpec.model_validate(tool) for tool in imported["tools"]]
    for row in (*imported["train"], *imported["recombined"], *imported["gold"]):
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


SONGS = [("play ", None), ("Blue ", "song"), (" by ", None), ("Joni", "artist"), (" please", None)]
MORE = [("play", None), (" Red Rain", "song"), ("by", None), (" Peter ", "artist")]
NAMES = [[("by ", None), (f"Nam{at} Smith{at}", "artist")] for at in range(recombine.OPEN_FROM)]


@given(st.integers())
def test_a_recombined_row_keeps_every_word_that_fills_no_slot_and_all_space_around_spans(seed: int) -> None:
    fillers = recombine.fillers_of([("Play", SONGS), ("Play", MORE)])
    again = recombine.recombined("Play", SONGS, fillers, Random(seed))
    assert [slot for _, slot in again] == [slot for _, slot in SONGS]
    assert [text for text, slot in again if slot is None] == ["play ", " by ", " please"]
    assert again[1][0] in {"Blue ", "Red Rain "}
    assert again[3][0] in {"Joni", "Peter"}


def test_spans_come_from_the_same_slot_of_the_same_intent_alone() -> None:
    fillers = recombine.fillers_of([("Play", SONGS), ("Book", [("Rome", "artist")])])
    drawn = {recombine.recombined("Play", SONGS, fillers, Random(seed))[3][0] for seed in range(50)}
    assert drawn == {"Joni"}


def test_only_slots_that_take_any_name_get_made_up_words_and_as_many_as_some_row_had() -> None:
    known = {parts[1][0] for parts in NAMES}
    for rows, is_open in ((NAMES, True), (NAMES[:-1], False)):
        fillers = recombine.fillers_of([("Play", row) for row in rows])
        drawn = {recombine.recombined("Play", NAMES[0], fillers, Random(seed))[1][0] for seed in range(200)}
        assert bool(drawn - known) is is_open
        assert {len(span.split()) for span in drawn} == {2}


def test_what_is_said_again_stands_neither_in_training_nor_in_gold() -> None:
    train = [snips.utterance(f"t:{at}", "Play", _data(parts)) for at, parts in enumerate((SONGS, MORE))]
    gold = [snips.utterance("g:0", "Play", _data([("play ", None), ("Red Rain", "song"), (" by Joni please", None)]))]
    again = snips.said_again(train, gold, times=3)
    texts = [snips.folded(row.text) for row in (*train, *gold, *again)]
    assert again, "nothing was made, so this would prove nothing"
    assert len(set(texts)) == len(texts)
    assert all(row.origin in {"t:0", "t:1"} and row.id[:5] == "again" for row in again)
    assert len({row.id for row in again}) == len(again)


def test_no_row_is_trained_on_that_was_made_from_a_row_held_out() -> None:
    rows = [{"id": f"t:{at}"} for at in range(100)]
    again = [{"id": f"again:t:{at}", "metadata": {"origin": f"t:{at}"}} for at in range(100)]
    held_out, train = run.split(list(rows), again)
    held = {row["id"] for row in held_out}
    assert len(held) == 3
    assert {row["id"] for row in train} == {row["id"] for row in (*rows, *again)} - held - {
        f"again:{id_}" for id_ in held
    }


def _data(parts: list[tuple[str, str | None]]) -> list[dict[str, str]]:
    return [{"text": text, **({"entity": slot} if slot else {})} for text, slot in parts]
