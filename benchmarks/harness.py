"""What measuring costs beside answering: 1 - engine seconds / all seconds, on 2,000 rows.

    PYTHONPATH=src python benchmarks/harness.py --ms-per-answer 20

The engine is one that takes a fixed processor time per answer (a small model on a CPU takes 20 ms and more) and answers
by a rule, so that both clocks measure the same process. Everything else - rendering, keeping answers as they come,
scoring, strata, intervals - is the harness. Processor seconds on both sides: a busy machine stretches wall time.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from luthier.domain.answers import Answer
from luthier.domain.examples import Example, Message
from luthier.domain.snapshots import GoldSet
from luthier.domain.variants import ModelRef, Variant
from luthier.evaluate.config import BenchmarkConfig
from luthier.evaluate.stage import run
from luthier.lifecycle.answer_log import AnswerLog
from luthier.variants.answering import answer_all
from luthier.variants.engines.base import EngineRequest, Told

ROWS = 2_000
VARIANT = Variant(name="prompt", model=ModelRef(engine="local", id="bundled"), prompt="Be brief.")


class Slow:
    """Spends processor time for each answer, and knows how much."""

    def __init__(self, seconds_per_answer: float) -> None:
        self.seconds_per_answer, self.busy = seconds_per_answer, 0.0

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        """One answer per request."""
        began = time.process_time()
        until = began + self.seconds_per_answer * len(requests)
        while time.process_time() < until:
            sum(range(500))
        found = [Answer(text=each.messages[-1].content[:40], completion_tokens=8) for each in requests]
        self.busy += time.process_time() - began
        return found


class Ports:
    """The stage's ports over the engine, with answers kept as in a project."""

    def __init__(self, engine: Slow, folder: Path) -> None:
        self.engine, self.log = engine, AnswerLog(folder / "answers.jsonl")

    def answer(self, variant: Variant, questions: Sequence[tuple[Message, ...]]) -> Sequence[Answer]:
        """Kept answers and new ones."""

        def ask(asked: Sequence[Sequence[Message]], told: Told) -> list[Answer]:
            return answer_all(variant, asked, engine=self.engine, told=told)

        return self.log.answer(questions, ask)

    def passages(self, variant: Variant, ids: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """None are shown."""
        return []

    def progress(self, done: int, of: int) -> None:
        """Nobody listens."""


def gold() -> GoldSet:
    """2,000 rows with four strata and 60 words each."""
    rows = []
    for number in range(ROWS):
        asked = f"Row {number}: " + " ".join(f"word{(number * 7 + place) % 900}" for place in range(60))
        messages = (Message(role="user", content=asked), Message(role="assistant", content=asked[: 40 - number % 3]))
        rows.append(Example(id=f"g:{number}", messages=messages, strata={"kind": "abcd"[number % 4]}))
    return GoldSet(examples=tuple(rows))


def main() -> None:
    """Run once with each engine speed, print, and keep the figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--ms-per-answer", type=float, nargs="+", default=[5.0])
    asked.add_argument("--out", type=Path, default=Path("benchmarks/results/harness.json"))
    given = asked.parse_args()
    rows = gold()
    benchmark = BenchmarkConfig(name="b", metrics=("exact_match", "f1", "rougeL", "answered"), stratify_by=("kind",))
    figures = []
    for milliseconds in given.ms_per_answer:
        with tempfile.TemporaryDirectory() as folder:
            engine = Slow(milliseconds / 1000)
            ports = Ports(engine, Path(folder))
            began = time.process_time()
            report = run(ports, benchmark, VARIANT, rows)
            took = time.process_time() - began
        figures.append(
            {
                "rows": len(report.cases),
                "ms per answer": milliseconds,
                "cpu_seconds": round(took, 3),
                "engine_cpu_seconds": round(engine.busy, 3),
                "harness_ms_per_row": round(1000 * (took - engine.busy) / ROWS, 3),
                "overhead": round(1 - engine.busy / took, 4),
            }
        )
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
