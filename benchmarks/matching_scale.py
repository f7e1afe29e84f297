"""What leakage, contradictions and semantic duplicates cost per row, on the chat records of `records.py`.

    python benchmarks/records.py --rows 100000 --out DIR; python benchmarks/matching_scale.py DIR --gold 500

Rows go by in batches of 8,192; the first `--gold` rows are gold. Prints one JSON object: seconds of each step, and the
same per million rows. Candidate pairs of nearly equal questions come from the near-duplicate
kernel, whose time is not in these figures.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from luthier.data.asked import Asked
from luthier.data.compare import Side
from luthier.data.contradictions import conflicts_in_corpus, worth_comparing
from luthier.data.leakage import Guard
from luthier.data.rows import MESSAGE
from luthier.data.semantic import Semantic
from luthier.domain.examples import Example, Message
from luthier.text.similarity import Corpus
from luthier.text.tokens import tokens_of

BATCH = 8_192


def main() -> None:
    """Time every step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gold", type=int, default=500)
    chosen = parser.parse_args()
    lines = (chosen.folder / "records.jsonl").read_bytes().splitlines()
    tokens_of(pa.array(["compiled before the clock starts"]))

    def fetch(rows: np.ndarray) -> list[Example]:
        found = [orjson.loads(lines[row])["messages"] for row in rows.tolist()]
        return [
            Example(id=str(row), messages=tuple(Message(**message) for message in messages))
            for row, messages in zip(rows.tolist(), found, strict=True)
        ]

    def batches(first: int = 0) -> Iterator[tuple[np.ndarray, Asked]]:
        for start in range(first, len(lines), BATCH):
            part = [orjson.loads(line)["messages"] for line in lines[start : start + BATCH]]
            yield (
                np.arange(start, start + len(part)),
                Asked.of_batch(pa.record_batch({"messages": pa.array(part, pa.list_(MESSAGE))})),
            )

    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal clock
        seconds[step] = round(time.perf_counter() - clock, 2)
        clock = time.perf_counter()

    asked = [batch for _, batch in batches()]
    lap("columns (with reading JSON)")
    corpus = Corpus.empty()
    for batch in asked:
        corpus.add(batch.questions, batch.answers)
    lap("corpus")
    guard = Guard(corpus, [Side(row) for row in fetch(np.arange(chosen.gold))])
    for start, batch in zip(range(0, len(lines), BATCH), asked, strict=True):
        rows = np.arange(start, start + len(batch.answers))
        outside = np.flatnonzero(rows >= chosen.gold)
        guard.look(rows[outside], batch.take(outside))
    lap("leakage: look")
    hits, bar = guard.found(fetch, near_threshold=0.85, paraphrase_threshold=0.35)
    lap("leakage: found")
    semantic = Semantic(corpus)
    for start, batch in zip(range(0, len(lines), BATCH), asked, strict=True):
        semantic.look(np.arange(start, start + len(batch.answers)), batch)
    same = semantic.found(fetch)
    lap("semantic")
    questions = np.concatenate([tokens_of(batch.questions).in_any_order() for batch in asked])
    pairs = worth_comparing(questions, np.concatenate([batch.answers for batch in asked]), np.empty((0, 2), np.int64))
    found = conflicts_in_corpus(pairs, fetch, corpus.counts, near_threshold=0.85)
    lap("contradictions (equal questions)")
    per_million = {step: round(spent * 1e6 / len(lines), 1) for step, spent in seconds.items()}
    told = {"rows": len(lines), "gold": chosen.gold, "seconds": seconds, "per_million_rows": per_million}
    told |= {"hits": len(hits), "bar": bar.model_dump(), "semantic_pairs": len(same)}
    print(json.dumps(told | {"compared": len(pairs), "conflicts": len(found)}))


if __name__ == "__main__":
    main()
