"""Real conversations and pairs for the comparisons of training, read from ../shared/data; the same rows each time."""

import gzip
import importlib.util
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from luthier.domain.examples import Message
from luthier.train.types import Conversation, Judged, PreferencePair

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "tool-calls"
ROLES = {"User": "user", "Wizard": "assistant", "Human": "user", "Assistant": "assistant"}
MOST_LETTERS = 1_600
"""Of a conversation; some 450 tokens of the bundled model, so that peers that flatten stay within reach of a CPU."""


def snips(count: int, *, seed: int = 0) -> list[Conversation]:
    """Utterances with the tool call they ask for, under the example's short prompt."""
    reader = _module(EXAMPLE / "import_snips.py")
    rows, _ = reader.read_all(reader.find_engines(DATA / "snips_nlu"), "train_{intent}_full.json")
    Random(seed).shuffle(rows)
    system = Message(role="system", content=(EXAMPLE / "prompts" / "short.md").read_text(encoding="utf-8").strip())
    found = []
    for row in rows[:count]:
        asked, answer = (Message.model_validate(turn) for turn in reader.row_of(row)["messages"])
        found.append(Conversation(id=row.id, messages=(system, asked, answer)))
    return found


def star(count: int, *, seed: int = 0) -> list[Conversation]:
    """Support dialogues up to an agent's reply, turns of one speaker joined, cut to the last `MOST_LETTERS`."""
    rows = []
    for dialogue in _lines(DATA / "star" / "dialogues.jsonl.gz"):
        said = [(ROLES[e["Agent"]], e["Text"]) for e in dialogue["Events"] if _is_said(e)]
        turns = _fitting(_alternating(said))
        if turns is not None:
            rows.append(Conversation(id=f"star:{dialogue['DialogueID']}", messages=turns))
    Random(seed).shuffle(rows)
    return rows[:count]


def hh_pairs(count: int, *, seed: int = 0) -> list[PreferencePair]:
    """Pairs of hh_rlhf whose two answers differ and follow the same turns."""
    rows = []
    for at, pair in enumerate(_lines(DATA / "hh_rlhf" / "harmless-base" / "test.jsonl.gz")):
        chosen, rejected = (_spoken(pair[name]) for name in ("chosen", "rejected"))
        if chosen[:-1] != rejected[:-1] or chosen[-1] == rejected[-1] or len(chosen) < 2:
            continue
        whole = [*chosen, rejected[-1]]
        if all(text for _, text in whole) and chosen[-1][0] == rejected[-1][0] == "assistant":
            turns = [Message.model_validate({"role": role, "content": text}) for role, text in whole]
            if sum(len(turn.content) for turn in turns) <= MOST_LETTERS:
                rows.append(
                    PreferencePair(id=f"hh:{at}", prompt=tuple(turns[:-2]), chosen=turns[-2], rejected=turns[-1])
                )
    Random(seed).shuffle(rows)
    return rows[:count]


def judged(pairs: list[PreferencePair]) -> list[Judged]:
    """Each pair's answers as single judgements."""
    return [
        Judged(id=f"{pair.id}:{name}", prompt=pair.prompt, answer=answer, is_good=name == "good")
        for pair in pairs
        for name, answer in (("good", pair.chosen), ("bad", pair.rejected))
    ]


def _is_said(event: dict[str, Any]) -> bool:
    return event["Action"] in {"utter", "pick_suggestion"} and event["Agent"] in ROLES and bool(event["Text"].strip())


def _alternating(said: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Turns of one speaker in a row joined; from the first user turn to the last agent turn."""
    turns: list[tuple[str, str]] = []
    for role, text in said:
        if turns and turns[-1][0] == role:
            turns[-1] = (role, f"{turns[-1][1]}\n{text.strip()}")
        elif turns or role == "user":
            turns.append((role, text.strip()))
    return turns if not turns or turns[-1][0] == "assistant" else turns[:-1]


def _fitting(turns: list[tuple[str, str]]) -> tuple[Message, ...] | None:
    while len(turns) >= 2 and sum(len(text) for _, text in turns) > MOST_LETTERS:
        turns = turns[2:]
    if len(turns) < 2:
        return None
    return tuple(Message.model_validate({"role": role, "content": text}) for role, text in turns)


def _spoken(text: str) -> list[tuple[str, str]]:
    """The turns of a transcript in hh_rlhf's form."""
    turns: list[tuple[str, str]] = []
    for part in text.split("\n\n"):
        speaker, colon, said = part.partition(":")
        if colon and speaker in {"Human", "Assistant"}:
            turns.append((ROLES[speaker], said.strip()))
        elif turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]}\n\n{part}")
    return turns


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from (json.loads(line) for line in islice(file, None))


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
