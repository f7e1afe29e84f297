"""How well the data stage finds what was planted, and how often it cries wolf on clean rows.

    python benchmarks/data_checks.py [crm] [bank] [snips]

Sets: the CRM example's own mails (generated), banking77 and SNIPS from LUTHIER_REAL_DATA (default ../shared/data).
`paraphrases.tsv` holds 84 paraphrases written for this benchmark by one author, each under a digest of the row that it
rewords; thresholds were chosen while looking at them, so their recall is an upper bound. Prints one JSON object per set
and check.
"""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from luthier.data.compare import Sides
from luthier.data.contradictions import find_contradictions
from luthier.data.duplicates import drop_duplicates
from luthier.data.leakage import find_overlaps
from luthier.domain.examples import Example, Message

HERE = Path(__file__).parent
REAL_DATA = Path(os.environ.get("LUTHIER_REAL_DATA", HERE.parents[1] / "shared" / "data"))
NEAR, PARAPHRASE, PLANTS, GOLD = 0.85, 0.35, 100, 500


def example(row_id: str, asked: str, ideal: str, group: str | None = None) -> Example:
    """One question with its answer."""
    messages = (Message(role="user", content=asked.strip()), Message(role="assistant", content=ideal))
    return Example(id=row_id, messages=messages, group=group)


def crm() -> list[Example]:
    """The CRM example's mails, generated with its usual seed."""
    script = HERE.parent / "examples" / "crm-updates" / "generate.py"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, script, "--out", folder], check=True, stdout=subprocess.DEVNULL)
        lines = (Path(folder) / "emails.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    texts = [[message["content"] for message in row["messages"]] for row in rows]
    return [example(r["id"], *t, r["metadata"]["customer_id"]) for r, t in zip(rows, texts, strict=True) if all(t)]


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


def edits(rng: Random, asked: str) -> Iterator[tuple[str, str]]:
    """The same question, changed as little as a careless copy changes it."""
    words = asked.split(" ")
    spot = rng.randrange(max(1, len(words) - 1))
    yield "verbatim", asked
    yield "case", asked.upper()
    yield "spacing", asked.replace(" ", "  ")
    yield "swapped", " ".join([*words[:spot], *reversed(words[spot : spot + 2]), *words[spot + 2 :]])
    yield "punctuation", re.sub("[.,!?]", "", asked) + "!"
    yield "word lost", " ".join([*words[:spot], *words[spot + 1 :]]) or asked


def leakage(name: str, rows: list[Example], rng: Random) -> dict[str, object]:
    """Share of planted rows named, by kind, and of clean rows named."""
    rows = list(drop_duplicates(rows, near_threshold=NEAR).kept)
    reworded = paraphrases(name)
    rng.shuffle(rows)
    first = [row for row in rows if key(row) in reworded]
    groups = {row.group for row in (first + rows)[: GOLD // (10 if rows[0].group else 1)]} - {None}
    gold = [row for row in rows if row.group in groups] if groups else [*first, *rows[:GOLD]]
    gold = list({row.id: row for row in gold}.values())
    taken = {row.id for row in gold}
    clean = [row for row in rows if row.id not in taken]
    planted = [
        example(f"{kind}|{row.id}", asked, row.ideal)
        for row in rng.sample(gold, PLANTS)
        for kind, asked in edits(rng, row.asked)
    ]
    planted += [example(f"paraphrase|{r.id}", reworded[key(r)], r.ideal) for r in gold if key(r) in reworded]
    sides = Sides([*gold, *clean, *planted])
    named = {
        o.row for o in find_overlaps(sides, range(len(gold)), near_threshold=NEAR, paraphrase_threshold=PARAPHRASE)
    }
    kinds = dict.fromkeys(row.id.split("|")[0] for row in planted)
    shares = {kind: [row.id in named for row in planted if row.id.startswith(kind + "|")] for kind in kinds}
    false = sum(row.id in named for row in clean)
    return {
        "check": "leakage",
        "recall": {kind: f"{sum(hits)}/{len(hits)}" for kind, hits in shares.items()},
        "false_flags": f"{false}/{len(clean)} = {false / len(clean):.2%}",
    }


def duplicates(rows: list[Example], rng: Random) -> dict[str, object]:
    """Recall and precision on planted copies with small edits, after the set's own duplicates are gone."""
    rows = list(drop_duplicates(rows, near_threshold=NEAR).kept)
    planted = [
        example(f"{kind}|{row.id}", asked, row.ideal)
        for row in rng.sample(rows, PLANTS)
        for kind, asked in edits(rng, row.asked)
    ]
    dropped = {row.id for row in drop_duplicates([*rows, *planted], near_threshold=NEAR).dropped}
    hits = sum(row.id in dropped for row in planted)
    return {
        "check": "duplicates",
        "recall": f"{hits}/{len(planted)} = {hits / len(planted):.1%}",
        "precision": f"{hits}/{len(dropped)} = {hits / len(dropped):.1%}",
    }


def contradictions(rows: list[Example], rng: Random) -> dict[str, object]:
    """Recall on copies with another row's answer, half of them edited, and pairs found in the set as it is."""
    rows = list(drop_duplicates(rows, near_threshold=NEAR).kept)
    own = len(find_contradictions(rows, near_threshold=NEAR))
    planted = []
    for number, row in enumerate(rng.sample(rows, PLANTS)):
        other = rng.choice([r for r in rng.sample(rows, 50) if r.ideal != row.ideal])
        asked = row.asked if number % 2 else row.asked + " Thanks!"
        planted.append(example(f"plant|{row.id}", asked, other.ideal))
    found = {pair.second for pair in find_contradictions([*rows, *planted], near_threshold=NEAR)}
    hits = sum(row.id in found for row in planted)
    return {"check": "contradictions", "recall": f"{hits}/{len(planted)}", "found_in_the_set_itself": own}


def key(row: Example) -> str:
    """The digest under which a row's paraphrase is kept."""
    return hashlib.sha256(row.asked.encode()).hexdigest()[:12]


def paraphrases(name: str) -> dict[str, str]:
    """Digest of a row -> its paraphrase."""
    rows = [line.split("\t") for line in (HERE / "paraphrases.tsv").read_text(encoding="utf-8").splitlines()]
    return {digest: text.replace("\\n", "\n") for of, digest, text in rows if of == name}


SETS: dict[str, Callable[[], list[Example]]] = {"crm": crm, "bank": bank, "snips": snips}


def main() -> None:
    """Measure every set that was asked for."""
    for name in sys.argv[1:] or SETS:
        rows = SETS[name]()
        for found in (leakage(name, rows, Random(1)), duplicates(rows, Random(2)), contradictions(rows, Random(3))):
            print(json.dumps({"set": name, "rows": len(rows)} | found), flush=True)


if __name__ == "__main__":
    main()
