"""Rows with known plants: copies, edits and people's paraphrases of rows of seven sets.

Sets: the CRM example's mails (generated); banking77, SNIPS, CLINC150, MedQuAD, self-instruct, STAR and Taskmaster-4
(first request and first reply) from LUTHIER_REAL_DATA (default ../shared/data).

`paraphrases.tsv` holds 314 paraphrases written for this benchmark by one author, each under a digest of the row that
it rewords. The first 84, and of the others those under an even digest, are the `tuned` half that weights and bars were
chosen on; the rest is `held` out. The list of synonyms of `models/embedder` has the same author, who had written the
held-out half before.
"""

import csv
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from luthier.domain.examples import Example, Message

HERE = Path(__file__).parent
REAL_DATA = Path(os.environ.get("LUTHIER_REAL_DATA", HERE.parents[1] / "shared" / "data"))
EARLY = 84


class Planted(NamedTuple):
    """A gold set, rows that have nothing to do with it, and rows that give it away; ids of plants say how."""

    gold: list[Example]
    clean: list[Example]
    plants: list[Example]


def example(row_id: str, asked: str, ideal: str, group: str | None = None) -> Example:
    """One question with its answer."""
    messages = (Message(role="user", content=asked.strip()), Message(role="assistant", content=ideal))
    return Example(id=row_id, messages=messages, group=group)


def read_jsonl(path: str) -> Iterator[dict[str, Any]]:
    """The records of a JSON Lines file, gzipped or not."""
    raw = (REAL_DATA / path).read_bytes()
    for line in (gzip.decompress(raw) if path.endswith(".gz") else raw).splitlines():
        yield json.loads(line)


def crm() -> list[Example]:
    """The CRM example's mails, generated with its usual seed."""
    script = HERE.parent / "examples" / "crm-updates" / "generate.py"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, script, "--out", folder], check=True, stdout=subprocess.DEVNULL)
        lines = (Path(folder) / "emails.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    turns = [(row, *(message["content"] for message in row["messages"])) for row in rows]
    return [
        example(row["id"], asked, ideal, row["metadata"]["customer_id"])
        for row, asked, ideal in turns
        if asked and ideal
    ]


def bank() -> list[Example]:
    """Banking77's training questions with their intents."""
    with (REAL_DATA / "banking77" / "banking_data" / "train.csv").open(encoding="utf-8") as file:
        return [example(f"b{n}", row["text"], row["category"]) for n, row in enumerate(csv.DictReader(file))]


def snips() -> list[Example]:
    """SNIPS utterances with intent and slots as a call."""
    found: list[Example] = []
    for path in sorted(REAL_DATA.glob("snips_nlu/*/*/train_*_full.json")):
        for intent, rows in json.loads(path.read_text(encoding="utf-8", errors="replace")).items():
            for row in rows:
                slots = {part["entity"]: part["text"] for part in row["data"] if "entity" in part}
                asked = "".join(part["text"] for part in row["data"])
                found.append(example(f"s{len(found)}", asked, json.dumps({"name": intent, "arguments": slots})))
    return found


def clinc() -> list[Example]:
    """CLINC150's training requests with their intents."""
    rows = json.loads((REAL_DATA / "clinc150" / "data_full_no_test.json").read_bytes())["train"]
    return [example(f"c{n}", asked, intent) for n, (asked, intent) in enumerate(rows)]


def medquad() -> list[Example]:
    """Medical questions with their answers."""
    rows = [row for row in read_jsonl("medquad/qa.jsonl.gz") if row["answer"] and row["answer"].strip()]
    return [example(f"m{n}", row["question"], row["answer"]) for n, row in enumerate(rows)]


def self_instruct() -> list[Example]:
    """Instructions with their first output."""
    names = ("self_instruct/seed_tasks.jsonl", "self_instruct/user_oriented_instructions.jsonl")
    rows = [row for name in names for row in read_jsonl(name) if row["instances"][0]["output"].strip()]
    return [example(f"i{n}", row["instruction"], row["instances"][0]["output"]) for n, row in enumerate(rows)]


def star() -> list[Example]:
    """The first request of each support dialogue with its first reply."""
    found = []
    for dialogue in read_jsonl("star/dialogues.jsonl.gz"):
        told = [e for e in dialogue["Events"] if e["Action"] in {"utter", "pick_suggestion"} and e["Text"].strip()]
        user = next((n for n, e in enumerate(told) if e["Agent"] == "User"), len(told))
        wizard = next((e["Text"] for e in told[user:] if e["Agent"] == "Wizard"), None)
        if wizard:
            found.append(example(f"d{dialogue['DialogueID']}", told[user]["Text"], wizard))
    return found


def taskmaster() -> list[Example]:
    """The first request of each ordering dialogue with its first reply."""
    found = []
    for number, dialogue in enumerate(read_jsonl("taskmaster4/dialogues.jsonl.gz")):
        told = [turn for turn in dialogue["utterances"] if turn["text"].strip()]
        user = next((n for n, turn in enumerate(told) if turn["speaker"] == "user"), len(told))
        reply = next((turn["text"] for turn in told[user:] if turn["speaker"] == "assistant"), None)
        if reply:
            found.append(example(f"t{number}", told[user]["text"], reply))
    return found


SETS: dict[str, Callable[[], list[Example]]] = {
    "crm": crm, "snips": snips, "medquad": medquad, "self": self_instruct, "bank": bank, "clinc": clinc, "star": star,
    "taskmaster": taskmaster,
}  # fmt: skip


@cache
def paraphrases(name: str) -> dict[str, tuple[str, str]]:
    """Digest of a row -> its paraphrase and `tuned` or `held`."""
    lines = (HERE / "paraphrases.tsv").read_text(encoding="utf-8").splitlines()
    found = {}
    for number, line in enumerate(lines):
        of, digest, text = line.split("\t")
        if of == name:
            half = "tuned" if number < EARLY or int(digest[0], 16) % 2 == 0 else "held"
            found[digest] = (text.replace("\\n", "\n"), half)
    return found


def key(row: Example) -> str:
    """The digest under which a row's paraphrase is kept."""
    return hashlib.sha256(row.asked.encode()).hexdigest()[:12]


def edits(rng: Random, asked: str) -> Iterator[tuple[str, str]]:
    """The same question, changed as little as a careless copy changes it."""
    words = asked.split(" ")
    spot = rng.randrange(max(1, len(words) - 1))
    yield "verbatim", asked
    yield "case", asked.upper()
    yield "spacing", asked.replace(" ", "  ")
    yield "swapped", " ".join([*words[:spot], *reversed(words[spot : spot + 2]), *words[spot + 2 :]])
    yield "punctuation", re.sub("[.,!?]", "", asked) + "!"
    yield "polite", f"Hello, {asked} Thank you!"
    if len(words) > 5:
        yield "word lost", " ".join([*words[:spot], *words[spot + 1 :]])


def planted(name: str, rows: list[Example], rng: Random, *, gold: int, clean: int, copied: int) -> Planted:
    """A gold set that holds every row with a paraphrase, other rows, and plants of `copied` gold rows besides."""
    reworded = paraphrases(name)
    rows = rng.sample(rows, len(rows))
    first = [row for row in rows if key(row) in reworded]
    groups = {row.group for row in (first + rows)[:gold]} - {None} if rows[0].group else set()
    rest = [row for row in rows if key(row) not in reworded]
    size = max(0, min(gold, len(rows) // 4) - len(first))
    chosen = [row for row in rows if row.group in groups][:gold] if groups else [*first, *rest[:size]]
    chosen = list({row.id: row for row in [*first, *chosen]}.values())
    taken = {row.id for row in chosen}
    others = [row for row in rows if row.id not in taken and (row.group is None or row.group not in groups)][:clean]
    plants = [
        example(f"plant|{kind}|{row.id}", asked, row.ideal)
        for row in rng.sample(chosen, min(copied, len(chosen)))
        for kind, asked in edits(rng, row.asked)
    ]
    for row in first:
        text, half = reworded[key(row)]
        plants.append(example(f"plant|{half}|{row.id}", text, row.ideal))
    return Planted(chosen, others, plants)
