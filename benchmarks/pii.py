"""Personal data: speed on chat records, recall per type beside Presidio's, and names on `presidio_pii`.

    python -m benchmarks.pii speed RECORDS.jsonl 20000     records a second, ours and Presidio's (on 300 of them)
    python -m benchmarks.pii types                         recall per type on numbers made here, ours and Presidio's
    python -m benchmarks.pii names dev|held                F per type, characters left, sentences a second

Presidio runs under LUTHIER_PII_PEERS_PYTHON (default /work/peers-pii/bin/python, where `pip install
presidio-analyzer==2.2.366` was run) with a blank spaCy model, so its patterns only.
`held` is for the end: nobody may change anything after looking at it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

from benchmarks.pii_numbers import sentences_with_numbers
from benchmarks.pii_scores import Labelled, presidio_half, score, table

from luthier.text.pii import Names, find_pii, pii_recognisers
from luthier.text.pii.batch import find_pii_batch
from luthier.text.pii.ner import names_of

HERE = Path(__file__).parent
REAL_DATA = Path(os.environ.get("LUTHIER_REAL_DATA", HERE.parents[1] / "shared" / "data"))
PEERS_PYTHON = os.environ.get("LUTHIER_PII_PEERS_PYTHON", "/work/peers-pii/bin/python")
PRESIDIO_ROWS = 300
COLUMNS = {
    "recall": "ours",
    "told_alone": "ours alone",
    "presidio_at_0.4": "theirs .4",
    "seen_at_any_score": "ours seen",
    "presidio_at_0": "theirs",
}


def speed(records: Path, rows: int) -> None:
    """Records a second, patterns and checks only, three runs; the processor's share beside the wall clock."""
    with records.open(encoding="utf-8") as lines:
        texts = ["\n".join(m["content"] for m in json.loads(line)["messages"]) for line in islice(lines, rows)]
    size = sum(map(len, texts)) / len(texts)
    find_pii_batch(texts[:100])
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        found = find_pii_batch(texts)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        told(who="luthier", rows=len(texts), characters=round(size), per_second=round(len(texts) / wall),
             per_processor_second=round(len(texts) / processor), spans=sum(map(len, found)))  # fmt: skip
    answer = presidio(texts[:PRESIDIO_ROWS])
    told(who="presidio 2.2.366, blank spaCy", rows=PRESIDIO_ROWS, per_second=round(PRESIDIO_ROWS / answer["wall"]),
         per_processor_second=round(PRESIDIO_ROWS / answer["processor"]),
         spans=sum(map(len, answer["spans"])))  # fmt: skip


def types() -> None:
    """Recall per type: by default, where the type counts without a word before it, and of anything seen at all."""
    rows = sentences_with_numbers(Random(5), 100)
    theirs = presidio([row.text for row in rows])["spans"]
    hits: Counter[tuple[str, str]] = Counter()
    for row, spans in zip(rows, theirs, strict=True):
        start, end, entity = row.spans[0]
        ours = [(s.start, s.end, s.entity, s.score) for s in find_pii(row.text)]
        told_alone = [(s.start, s.end, s.entity, s.score) for s in find_pii(row.text, alone=(entity,))]
        seen = [(a, b, entity, s) for a, b, s in pii_recognisers.get(entity)(row.text)]
        for who, found in (
            ("ours", ours),
            ("ours alone", told_alone),
            ("ours seen", seen),
            ("theirs", spans),
            ("theirs .4", [s for s in spans if s[3] >= 0.4]),
        ):
            hits[entity, who] += any(kind == entity and a < end and start < b for a, b, kind, _ in found)
        hits[entity, "rows"] += 1
    for entity in dict.fromkeys(row.spans[0][2] for row in rows):
        told(type=entity, rows=hits[entity, "rows"], **{
            name: round(hits[entity, who] / hits[entity, "rows"], 3)
            for name, who in COLUMNS.items()
        })  # fmt: skip


def names(half: str, ner: str = "bundled") -> None:
    """Names, places and patterns together on one half of Presidio's labelled sentences; every date counts as one."""
    rows = presidio_half(REAL_DATA / "presidio_pii" / "generated_large.json", half)
    tagger = names_of(ner)
    print(table(score(rows, lambda texts: [_spans(text, tagger) for text in texts])), flush=True)
    whole = [Labelled(row.text, [(a, b, "ANY") for a, b, _ in row.spans]) for row in rows]
    print(
        table(score(whole, lambda texts: [[(a, b, "ANY") for a, b, _ in _spans(t, tagger)] for t in texts])), flush=True
    )
    texts = [row.text for row in rows]
    find_pii_batch(texts[:20], names=tagger)  # numba loads its kernels: half a second, once a process
    wall, processor = time.perf_counter(), time.process_time()
    find_pii_batch(texts, names=tagger)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    told(
        half=half,
        sentences=len(rows),
        per_second=round(len(rows) / wall),
        per_processor_second=round(len(rows) / processor),
    )


def _spans(text: str, tagger: Names | None) -> list[tuple[int, int, str]]:
    spans = find_pii(text, names=tagger, alone=("DATE_TIME",))
    return [(s.start, s.end, s.entity) for s in spans]


def presidio(texts: Sequence[str]) -> dict:
    """Presidio's spans for `texts` and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "texts.json", Path(folder) / "spans.json"
        asked.write_text(json.dumps(list(texts)), encoding="utf-8")
        subprocess.run([PEERS_PYTHON, HERE / "pii_presidio.py", asked, answered], check=True, stderr=subprocess.DEVNULL)
        return json.loads(answered.read_text(encoding="utf-8"))


def told(**figures: object) -> None:
    """One line of JSON."""
    print(json.dumps(figures), flush=True)


def main() -> None:
    """Do what the first argument says."""
    what, *more = sys.argv[1:]
    if what == "speed":
        speed(Path(more[0]), int(more[1]))
    elif what == "types":
        types()
    else:
        names(*more)


if __name__ == "__main__":
    main()
