"""Tune on the imported rows and measure on the official validation utterances, without a store around it.

    nice -n 5 python examples/tool-calls/run.py --out DIR [--base FOLDER] [--set epochs=1 ...] [--rows N]

`luthier run` does the same with data checks, baselines, evidence and a gate; this script is the shortest way to the
figures of the tuned variant, and what hyper-parameters are tried with. It holds back 3% of the benchmark's own rows for
early stopping, with what was made from them, and touches the gold rows once, at the end.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import yaml

from luthier.domain.calls import ToolSpec, canonical_call, parse_call
from luthier.domain.examples import Message
from luthier.domain.measure import Measurement
from luthier.domain.runs import CurvePoint
from luthier.train.config import TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, Conversation
from luthier.variants.engines.base import EngineRequest
from luthier.variants.engines.folders import model_folder, weights_digest
from luthier.variants.engines.local import LocalEngine

HERE = Path(__file__).resolve().parent
VALIDATION_SHARE = 0.03


class ConsolePorts:
    """Says every evaluation and every tenth other point on the console."""

    def __init__(self, checkpoints: Path) -> None:
        self.checkpoints = checkpoints
        self._told = 0

    def monotonic_seconds(self) -> float:
        """The machine's monotonic clock."""
        return time.monotonic()

    def stop_requested(self) -> bool:
        """Never: Ctrl-C is enough here."""
        return False

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        """One line per point that is worth one."""
        self._told += 1
        if point.validation_loss is None and self._told % 10:
            return
        figures = {"train": point.train_loss, "validation": point.validation_loss}
        told = ", ".join(f"{name} {loss:.4f}" for name, loss in figures.items() if loss is not None)
        print(f"step {done}/{of}: {told}, {point.tokens_per_second or 0:.0f} tokens/s", flush=True)


def main() -> None:
    """Train, answer, and print the figures with their 95% intervals."""
    options = _parse()
    prompt = (HERE / "prompts" / "short.md").read_text(encoding="utf-8").strip()
    validation, train = split(_read(options.data / "train.jsonl"), _read(options.data / "recombined.jsonl"))
    train = train[: options.rows]
    folder = options.base or model_folder("bundled")
    target = options.out / "adapter"
    if not target.exists():
        base = BaseModel(folder=folder, weights=weights_digest(folder))
        ports = ConsolePorts(options.out / "states")
        shown = ([_conversation(row, prompt) for row in rows] for rows in (train, validation))
        outcome = run(ports, _config(options.set), base, *shown, target=target)
        (options.out / "outcome.json").write_text(outcome.model_dump_json(indent=1), encoding="utf-8")
        print(f"{outcome.stopped_because} after {outcome.seconds:.0f} s; kept step {outcome.best_step}", flush=True)
    report(answer(folder, target, [_conversation(row, prompt) for row in _read(options.data / "gold.jsonl")]), options)


def split(rows: list[dict[str, Any]], again: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows for validation, of the benchmark alone, and rows to train on, none of them made from one of the former."""
    Random(7).shuffle(rows)
    held_out = rows[: round(len(rows) * VALIDATION_SHARE)]
    origins = {row["id"] for row in held_out}
    train = [*rows[len(held_out) :], *(row for row in again if row["metadata"]["origin"] not in origins)]
    Random(7).shuffle(train)
    return held_out, train


def answer(folder: Path, adapter: Path, gold: Sequence[Conversation]) -> list[tuple[Conversation, str | None]]:
    """Every gold row with the free greedy answer to it."""
    engine = LocalEngine.load(folder, batch_size=64)
    engine.add_adapter("tuned", adapter)
    requests = [
        EngineRequest.model_validate(
            {"messages": row.messages[:-1], "adapter": "tuned", "decoding": {"max_tokens": 140}}
        )
        for row in gold
    ]
    return [(row, answer.text) for row, answer in zip(gold, engine.answer(requests), strict=True)]


def report(answered: Sequence[tuple[Conversation, str | None]], options: argparse.Namespace) -> None:
    """The figures on the console, and every answer in `answers.jsonl`."""
    tools = [ToolSpec.model_validate(tool) for tool in json.loads((options.data / "tools.json").read_text())]
    ideals = [row.messages[-1].content for row, _ in answered]
    calls = [parse_call(text, tools) for _, text in answered]
    n = len(answered)
    intents = sum(
        call.call is not None and call.call.name == json.loads(ideal)["name"]
        for call, ideal in zip(calls, ideals, strict=True)
    )
    exact = sum(canonical_call(text) == canonical_call(row.messages[-1].content) for row, text in answered)
    invalid = sum(call.fault is not None for call in calls)
    for name, hits in (("invalid_call", invalid), ("intent accuracy", intents), ("exact call", exact)):
        print(Measurement.of_proportion(name, hits, n=n))
    with (options.out / "answers.jsonl").open("w", encoding="utf-8") as file:
        for row, text in answered:
            file.write(
                json.dumps([row.messages[-2].content, row.messages[-1].content, text], ensure_ascii=False) + "\n"
            )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE, help="folder that import_snips.py wrote into")
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapter, the curve and the answers")
    parser.add_argument("--base", type=Path, help="folder of another base model than the bundled one")
    parser.add_argument("--rows", type=int, help="train on so many rows only")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="beats the train section")
    return parser.parse_args()


def _config(settings: Sequence[str]) -> TrainConfig:
    section: dict[str, Any] = yaml.safe_load((HERE / "luthier.yaml").read_text(encoding="utf-8"))["train"]
    for setting in settings:
        path, value = setting.split("=", 1)
        *parents, key = path.split(".")
        inner = section
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[key] = yaml.safe_load(value)
    return TrainConfig.model_validate(section)


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _conversation(row: dict[str, Any], prompt: str) -> Conversation:
    system = Message(role="system", content=prompt)
    return Conversation(id=row["id"], messages=(system, *(Message(**message) for message in row["messages"])))


if __name__ == "__main__":
    main()
