"""Turn the SNIPS spoken-language benchmark into this example's data.

    python examples/tool-calls/import_snips.py [--data ../shared/data/snips_nlu] [--out examples/tool-calls]

DATA is a checkout of https://github.com/sonos/nlu-benchmark or the folder `2017-06-custom-intent-engines` in it. The
full training files become `train.jsonl`, but for the rows that `leaky.txt` names; the official validation files become
`gold.jsonl`; `recombined.jsonl` holds every training row a few times more with other names in it (`recombine.py`), and
`tools.json` the seven tools. Nothing is written but in OUT, and the same input gives the same bytes.
"""

import argparse
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from recombine import Part, fillers_of, recombined

ENGINES = "2017-06-custom-intent-engines"
HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[2] / "shared" / "data" / "snips_nlu"
SEED = 7
AGAIN = 3


@dataclass(frozen=True)
class Utterance:
    """One request as a person said it, with the spans that a call must carry."""

    id: str
    intent: str
    parts: tuple[Part, ...]
    origin: str
    """The benchmark's row that this one is or was made from."""

    @property
    def text(self) -> str:
        """The whole request."""
        return "".join(text for text, _ in self.parts).strip()

    @property
    def slots(self) -> tuple[tuple[str, str], ...]:
        """Slot and span, in the order in which they were said, without the space around them."""
        return tuple((slot, text.strip()) for text, slot in self.parts if slot is not None)

    @property
    def arguments(self) -> dict[str, str]:
        """Slot -> span as written; a slot that occurs twice holds both spans, joined by a comma in their order."""
        found: dict[str, list[str]] = {}
        for name, span in self.slots:
            found.setdefault(name, []).append(span)
        return {name: ", ".join(spans) for name, spans in found.items()}

    @property
    def difficulty(self) -> str:
        """How many different slots the call must carry."""
        count = len(self.arguments)
        return "easy" if count < 3 else "medium" if count == 3 else "hard"


def main() -> None:
    """Read, drop what stands on both sides, write, and say how much it was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED, help=f"the benchmark's folder (default: {SHARED})")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write into (default: beside this script)")
    parser.add_argument("--again", type=int, default=AGAIN, help="how often a row is made anew (default: %(default)s)")
    options = parser.parse_args()
    engines = find_engines(options.data)
    if engines is None:
        parser.error(f"{options.data} holds no {ENGINES}/*/train_*_full.json; clone sonos/nlu-benchmark there")
    full, repaired = read_all(engines, "train_{intent}_full.json")
    validation, _ = read_all(engines, "validate_{intent}.json")
    gold = unseen(validation, full)
    leaky = set((HERE / "leaky.txt").read_text(encoding="utf-8").splitlines())
    train = [row for row in full if row.id not in leaky]
    more = [row for row in said_again(train, gold, options.again) if row.id not in leaky]
    write(options.out, train, more, gold)
    print(
        f"{len(train)} training rows ({len(full) - len(train)} too like a gold row were left out) and {len(gold)} gold"
    )
    print(f"rows ({len(validation) - len(gold)} that stand in the training files were left out) are in {options.out};")
    print(f"{len(more)} rows are there that were made from them with other names;")
    print(f"{repaired} bytes were Latin-1 in a UTF-8 file")


def find_engines(data: Path) -> Path | None:
    """The folder of the seven intents in or at `data`, or None."""
    places = (data, data / ENGINES, data / "nlu-benchmark" / ENGINES)
    return next((place for place in places if any(place.glob("*/train_*_full.json"))), None)


def read_all(engines: Path, pattern: str) -> tuple[list[Utterance], int]:
    """Every utterance of the files named by `pattern`, by intent, and how many bytes had to be repaired."""
    utterances: list[Utterance] = []
    repaired = 0
    for folder in sorted(path for path in engines.iterdir() if path.is_dir()):
        file = folder / pattern.format(intent=folder.name)
        text, strays = decoded(file.read_bytes())
        repaired += strays
        rows = json.loads(text)[folder.name]
        utterances += [utterance(f"{file.stem}:{at}", folder.name, row["data"]) for at, row in enumerate(rows)]
    return utterances, repaired


def decoded(data: bytes) -> tuple[str, int]:
    """UTF-8 text; bytes that are none are read as Latin-1, one by one, and counted, since one file mixes both."""
    text = data.decode("utf-8", errors="surrogateescape")
    strays = [letter for letter in text if "\udc80" <= letter <= "\udcff"]
    return "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in text), len(strays)


def utterance(id_: str, intent: str, parts: Sequence[Mapping[str, str]]) -> Utterance:
    """One row of the benchmark."""
    return Utterance(id_, intent, tuple((part["text"], part.get("entity")) for part in parts), origin=id_)


def said_again(train: Sequence[Utterance], gold: Iterable[Utterance], times: int) -> list[Utterance]:
    """Every row with a span so many times with other spans, but for those that say what some row says already."""
    fillers = fillers_of((row.intent, row.parts) for row in train)
    random = Random(SEED)
    seen = {folded(row.text) for row in (*train, *gold)}
    made = []
    for turn, row in product(range(1, times + 1), train):
        parts = tuple(recombined(row.intent, row.parts, fillers, random))
        again = Utterance(f"again{turn}:{row.id}", row.intent, parts, origin=row.id)
        if folded(again.text) not in seen:
            seen.add(folded(again.text))
            made.append(again)
    return made


def unseen(validation: Iterable[Utterance], train: Iterable[Utterance]) -> list[Utterance]:
    """The validation utterances that do not stand in the training files, whatever their case and spacing."""
    seen = {folded(row.text) for row in train}
    return [row for row in validation if folded(row.text) not in seen]


def folded(text: str) -> str:
    """The text without differences of case, spacing and Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def tools_of(train: Iterable[Utterance]) -> list[dict[str, Any]]:
    """One tool per intent with the slots that the training rows fill, the most frequent first; all are optional."""
    slots: dict[str, Counter[str]] = {}
    for row in train:
        slots.setdefault(row.intent, Counter()).update(row.arguments.keys())
    return [
        {
            "name": intent,
            "parameters": {
                "type": "object",
                "properties": {name: {"type": "string", "minLength": 1} for name, _ in counts.most_common()},
                "additionalProperties": False,
            },
        }
        for intent, counts in sorted(slots.items())
    ]


def row_of(row: Utterance, names: Sequence[str]) -> dict[str, Any]:
    """One line of chat JSONL; the arguments stand in the order of the tool's `names`, so that none comes twice."""
    place = {name: at for at, name in enumerate(names)}
    arguments = dict(sorted(row.arguments.items(), key=lambda item: place.get(item[0], len(place))))
    call = json.dumps({"name": row.intent, "arguments": arguments}, ensure_ascii=False)
    return {
        "id": row.id,
        "messages": [{"role": "user", "content": row.text}, {"role": "assistant", "content": call}],
        "metadata": {"task_type": row.intent, "difficulty": row.difficulty, "origin": row.origin},
    }


def write(out: Path, train: Sequence[Utterance], again: Sequence[Utterance], gold: Sequence[Utterance]) -> None:
    """The four files of the example."""
    out.mkdir(parents=True, exist_ok=True)
    tools = tools_of(train)
    names = {tool["name"]: list(tool["parameters"]["properties"]) for tool in tools}
    for name, rows in (("train.jsonl", train), ("recombined.jsonl", again), ("gold.jsonl", gold)):
        lines = (json.dumps(row_of(row, names[row.intent]), ensure_ascii=False) + "\n" for row in rows)
        (out / name).write_text("".join(lines), encoding="utf-8")
    (out / "tools.json").write_text(json.dumps(tools, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
