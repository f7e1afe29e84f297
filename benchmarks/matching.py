"""How well leakage, duplicates and contradictions are found where they were planted, and how many clean rows are named.

    python -m benchmarks.matching [--clean 9000] [--encoder FOLDER]
        [crm snips medquad self bank clinc star taskmaster]

Prints one JSON object per set and check; `matching_sets.py` says what sets and plants are. For leakage it also gives
the curve: the recall of paraphrases where 0.5%, 1%, 2%, 5% and 10% of clean rows are named.
"""

import argparse
import json
import time
from collections import defaultdict
from random import Random

import numpy as np
from benchmarks.matching_sets import SETS, Planted, edits, example, planted

from luthier.data.compare import Sides
from luthier.data.contradictions import find_contradictions
from luthier.data.duplicates import drop_duplicates
from luthier.data.leakage import Guard
from luthier.domain.examples import Example
from luthier.text.encoding import Encode
from luthier.text.similarity import Space
from luthier.variants.config import EmbeddingsConfig
from luthier.variants.engines.encoders import open_encoder

NEAR, BAR, GOLD, COPIED = 0.85, 0.35, 500, 60
SHARES = (0.005, 0.01, 0.02, 0.05, 0.1)


def leakage(made: Planted, encode: Encode | None = None) -> dict[str, object]:
    """Share of planted rows named, by kind, and of clean rows named."""
    sides = Sides([*made.gold, *made.clean, *made.plants])
    started = time.perf_counter()
    others = np.arange(len(made.gold), len(sides.sides))
    guard = Guard(sides.corpus, sides.sides[: len(made.gold)], Space(sides.corpus, encode))
    guard.look(others, sides.asked.take(others))
    hits, bar = guard.found(sides.fetch, near_threshold=NEAR, paraphrase_threshold=BAR)
    seconds = time.perf_counter() - started
    named = {sides.sides[hit.row].row.id: hit for hit in hits}
    kinds: defaultdict[str, list[bool]] = defaultdict(list)
    for row in made.plants:
        kinds[row.id.split("|")[1]].append(row.id in named)
    false = [hit for row in made.clean if (hit := named.get(row.id))]
    best: defaultdict[str, float] = defaultdict(float)
    for pair in guard.judged(sides.fetch):
        row = sides.sides[pair.row].row.id
        best[row] = max(best[row], pair.chance)
    natural = sorted((best[row.id] for row in made.clean), reverse=True)
    curve = {}
    for share in SHARES:
        at = natural[int(share * len(natural))]
        for half in ("tuned", "held"):
            reached = [best[row.id] > at for row in made.plants if row.id.split("|")[1] == half]
            curve[f"{share:.1%} {half}"] = f"{sum(reached)}/{len(reached)}"
    return {
        "check": "leakage",
        "gold": len(made.gold),
        "recall": {kind: f"{sum(found)}/{len(found)}" for kind, found in kinds.items()},
        "false_flags": f"{len(false)}/{len(made.clean)} = {len(false) / len(made.clean):.2%}",
        "of_them_near": sum(hit.kind != "paraphrase" for hit in false),
        "bar": round(bar.at, 3),
        "natural": None if bar.natural is None else round(bar.natural, 4),
        "curve": curve,
        "seconds": round(seconds, 1),
    }


def duplicates(rows: list[Example], rng: Random) -> dict[str, object]:
    """Recall and precision on planted copies with small edits, among rows without duplicates of their own."""
    plants = [
        example(f"plant|{kind}|{row.id}", asked, row.ideal)
        for row in rng.sample(rows, min(COPIED, len(rows)))
        for kind, asked in edits(rng, row.asked)
    ]
    dropped = {row.id for row in drop_duplicates([*rows, *plants], near_threshold=NEAR).dropped}
    hits = sum(row.id in dropped for row in plants)
    return {
        "check": "duplicates",
        "recall": f"{hits}/{len(plants)} = {hits / len(plants):.1%}",
        "precision": f"{hits}/{len(dropped)} = {hits / len(dropped):.1%}",
    }


def contradictions(rows: list[Example], rng: Random) -> dict[str, object]:
    """Recall on copies with another row's answer, most of them edited; and pairs found in the set as it is."""
    own = find_contradictions(rows, near_threshold=NEAR)
    plants = []
    for row in rng.sample(rows, min(COPIED, len(rows))):
        other = rng.choice([r for r in rng.sample(rows, 50) if r.ideal != row.ideal])
        kind, asked = rng.choice(list(edits(rng, row.asked)))
        plants.append(_answered(row, f"plant|{kind}|{row.id}", asked, other.ideal))
    pairs = find_contradictions([*rows, *plants], near_threshold=NEAR)
    found = {pair.second for pair in pairs}
    hits = sum(row.id in found for row in plants)
    flagged = {row for pair in own for row in (pair.first, pair.second)}
    return {
        "check": "contradictions",
        "recall": f"{hits}/{len(plants)}",
        "missed": sorted(row.id.split("|")[1] for row in plants if row.id not in found),
        "pairs_in_the_set_itself": len(own),
        "rows_in_them": f"{len(flagged)}/{len(rows)} = {len(flagged) / len(rows):.2%}",
        "for_example": [pair.reason for pair in own[:: max(1, len(own) // 3)][:3]],
    }


def _answered(row: Example, row_id: str, asked: str, ideal: str) -> Example:
    """The same conversation under another id, its last question and its answer replaced."""
    made = example(row_id, asked, ideal)
    return made.model_copy(update={"messages": (*row.messages[:-2], *made.messages)})


def main() -> None:
    """Measure every set that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--clean", type=int, default=20_000, help="clean rows at most")
    parser.add_argument("--only", choices=["leakage", "duplicates", "contradictions"])
    parser.add_argument(
        "--encoder", help="a folder or Hugging Face id, as `data.embeddings` of engine `local` takes it"
    )
    chosen = parser.parse_args()
    config = EmbeddingsConfig(engine="local", id=chosen.encoder) if chosen.encoder else EmbeddingsConfig()
    encode = open_encoder(config)
    for name in chosen.sets:
        rows = list(drop_duplicates(SETS[name](), near_threshold=NEAR).kept)
        checks = {
            "leakage": lambda rows=rows, name=name: leakage(
                planted(name, rows, Random(1), gold=GOLD, clean=chosen.clean, copied=COPIED), encode
            ),
            "duplicates": lambda rows=rows: duplicates(rows[: chosen.clean], Random(2)),
            "contradictions": lambda rows=rows: contradictions(rows[: chosen.clean], Random(3)),
        }
        for check, measure in checks.items():
            if chosen.only in {None, check}:
                print(json.dumps({"set": name, "rows": len(rows)} | measure()), flush=True)


if __name__ == "__main__":
    main()
