"""What leakage, contradictions and semantic duplicates cost beside near duplicates, on chat records of `records.py`.

    python benchmarks/records.py --rows 1000000 --out DIR
    python benchmarks/matching_scale.py DIR --rows 100000 [--gold 500] [--semantic off]

The data stage runs twice over the first rows: once to draw a gold set, and once with that set frozen, over the same
shards, which is the run whose passes are measured. Everything runs in this process, so that the seconds of the CPU are
those of the work, however loaded the machine is. Near duplicates are their keys, which shaping makes (measured once
more by themselves), and the pass that compares. Prints one JSON object.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from luthier.data.asked import Asked
from luthier.data.config import DataConfig
from luthier.data.executors.executor import Here
from luthier.data.plan.features import nearness
from luthier.data.plan.reading import source_digest
from luthier.data.plan.shards import batches_of
from luthier.data.stage import run
from luthier.data.types import SourceFile
from luthier.text.signatures import near_keys

T = TypeVar("T")
THRESHOLD = 0.85


class Clock:
    """The CPU seconds of each step, as the stage tells of them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def progress(self, step: str, done: int, of: int) -> None:  # noqa: ARG002 - as the stage's Ports have it
        """A step is over."""
        now = time.process_time()
        self.seconds[step] = round(self.seconds.get(step, 0.0) + now - self._last, 2)
        self._last = now


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and its CPU seconds."""
    began = time.process_time()
    return work(), round(time.process_time() - began, 2)


def keys_of(work: Path) -> int:
    """The near-duplicate keys of all rows of the shards once more; how many rows."""
    rows = 0
    for shard in sorted(work.glob("0*.arrow")):
        for batch in batches_of(shard):
            if "messages" in batch.schema.names and "question_key" in batch.schema.names:
                questions = Asked.of_batch(batch).questions
                for near in nearness(THRESHOLD):
                    near_keys(questions, near.grain, near.bands)
                rows += batch.num_rows
    return rows


def main() -> None:
    """Build, build again with the gold set frozen, and print what each pass of the second one cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--gold", type=int, default=500)
    parser.add_argument("--semantic", choices=["report", "drop", "off"], default="report")
    chosen = parser.parse_args()
    near_keys(pa.array(["a warm up of twelve words or so", "b"], pa.large_string()), *_first_grain())
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        with (chosen.folder / "records.jsonl").open("rb") as source:
            (folder / "records.jsonl").write_bytes(b"".join(islice(source, chosen.rows)))
        config = DataConfig.model_validate(
            {
                "sources": [{"path": "records.jsonl", "format": "chat", "lawful_basis": "contract"}],
                "pii": {"action": "off", "ner": "off", "cleared_by": "nobody", "reason": "the passes are measured"},
                "contradictions": "drop",
                "duplicates": {"near_threshold": THRESHOLD, "semantic": chosen.semantic},
                "gold": {"size": chosen.gold},
            }
        )
        (section,) = config.sources
        digest = source_digest(section, folder)
        source_file = SourceFile(path=section.path, folder=folder, file_digest=digest, config=section)
        work = folder / "work"
        began = Clock()
        drawn = run(began, config, [source_file], project="p", salt="s", folder=work, executor=Here())
        clock = Clock()
        again = run(
            clock, config, [source_file], project="p", salt="s", folder=work, executor=Here(), frozen_gold=drawn.gold
        )
        rows, keys = timed(lambda: keys_of(work))
    near = round(keys + clock.seconds["duplicates"], 2)
    both = round(
        clock.seconds["words counted"] + clock.seconds["contradictions"] + clock.seconds["gold and leakage"], 2
    )
    told = {
        "rows": chosen.rows,
        "gold": chosen.gold,
        "cpu_seconds_first": began.seconds,
        "cpu_seconds": clock.seconds,
        "near_duplicates": {"keys": keys, "rows": rows, "with_the_pass": near},
        "leakage_and_contradictions": both,
        "ratio": round(both / near, 2),
        "dropped": dict(again.manifest.dropped),
        "reworded": {str(size): count for size, count in again.card.reworded.items()},
        "notes": list(again.card.notes),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "load": os.getloadavg(),
    }
    print(json.dumps(told))


def _first_grain() -> tuple[object, object]:
    near = nearness(THRESHOLD)[0]
    return near.grain, near.bands


if __name__ == "__main__":
    main()
