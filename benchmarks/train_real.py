"""Training on what people really said and preferred: held-out figures before and after, with their doubt.

    python benchmarks/train_real.py [--work hh_dpo ...] [--processor-seconds 240] [--out FILE]

The bundled model, one adapter per work, rows from ../shared/data. Rows that begin with the same words are on one side
of the split. The clock that training sees is this process's processor time, so that a busy machine shortens no run.
Every work has its control beside it: pairs swapped, answers shuffled among the rows, or judgements shuffled.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from train_rows import DATA, hh_pairs, star

from luthier.domain.examples import Message
from luthier.domain.measure import Measurement
from luthier.domain.runs import CurvePoint
from luthier.train.config import TrainConfig
from luthier.train.stage import run
from luthier.train.types import BaseModel, Conversation, Judged, PreferencePair, Row
from luthier.variants.engines.folders import BUNDLED, model_folder, weights_digest

HELD_OUT = 0.25
MOST_CONTEXT_LETTERS = 1_600
COMMON: dict[str, Any] = {
    "adapter": {"rank": 16, "alpha": 32}, "batch_size": 16, "epochs": 2, "evaluate_every_epochs": 0.5,
    "too_long": "drop", "early_stopping": None,
}  # fmt: skip
Parts = tuple[list[Row], list[Row]]


@dataclass(frozen=True)
class Work:
    """Rows and how they are learned; the control gets its training rows from the same draw."""

    rows: Callable[[], Iterable[Row]]
    settings: dict[str, Any]
    most: int
    """Rows, held-out ones among them."""
    spoil: Callable[[list[Any]], list[Any]] | None = None


class CpuPorts:
    """A clock of processor seconds, and the curve."""

    checkpoints = None

    def __init__(self) -> None:
        self.points: list[CurvePoint] = []

    def monotonic_seconds(self) -> float:
        """Of this process, all threads."""
        return time.process_time()

    def progress(self, point: CurvePoint, done: int, of: int) -> None:  # noqa: ARG002 - as the protocol has it
        """Keeps the point."""
        self.points.append(point)

    def stop_requested(self) -> bool:
        """Nobody asks."""
        return False


def judged_turns() -> Iterable[Judged]:
    """Every rated agent turn of Taskmaster 4, in the order of the files."""
    for at, row in enumerate(_rewards()):
        prompt = _turns(json.loads(row["context"]))
        answer = _turns([json.loads(row["generation"])])
        if prompt and sum(len(turn.content) for turn in prompt) <= MOST_CONTEXT_LETTERS:
            yield Judged(id=f"tm4:{at}", prompt=prompt, answer=answer[0], is_good=row["reward"] == 1.0)


def rated_pairs() -> Iterable[PreferencePair]:
    """Answers to one context of which people liked one and not the other."""
    by_context: dict[str, list[dict[str, Any]]] = {}
    for row in _rewards():
        by_context.setdefault(row["context"], []).append(row)
    for place, (context, rows) in enumerate(by_context.items()):
        liked, not_liked = (
            list({row["generation"]: None for row in rows if row["reward"] == reward}) for reward in (1.0, 0.0)
        )
        prompt = _turns(json.loads(context))
        for at, (good, bad) in enumerate(product(liked, not_liked)):
            if prompt and good != bad and sum(len(turn.content) for turn in prompt) <= MOST_CONTEXT_LETTERS:
                chosen, rejected = (_turns([json.loads(each)])[0] for each in (good, bad))
                if chosen.content != rejected.content:
                    yield PreferencePair(id=f"tm4:{place}:{at}", prompt=prompt, chosen=chosen, rejected=rejected)


def _rewards() -> Iterable[dict[str, Any]]:
    for file in sorted((DATA / "taskmaster4" / "TM-4-2024" / "reward").glob("*.json")):
        yield from json.loads(file.read_text(encoding="utf-8"))


def _turns(said: Sequence[dict[str, Any]]) -> tuple[Message, ...]:
    """Turns as a chat has them: calls and what the API answers are JSON of the agent and of a tool."""
    found = []
    for turn in said:
        role = {"user": "user", "agent": "assistant", "api": "tool"}[turn["role"]]
        told = turn.get("text") or json.dumps(turn.get("api") or turn.get("response") or {})
        found.append(Message.model_validate({"role": role, "content": told}))
    return tuple(found)


def _swapped(pairs: list[PreferencePair]) -> list[PreferencePair]:
    return [pair.model_copy(update={"chosen": pair.rejected, "rejected": pair.chosen}) for pair in pairs]


def _answers_shuffled(rows: list[Conversation]) -> list[Conversation]:
    answers = [row.messages[-1] for row in rows]
    Random(1).shuffle(answers)
    return [
        row.model_copy(update={"messages": (*row.messages[:-1], answer)})
        for row, answer in zip(rows, answers, strict=True)
    ]


def _judgements_shuffled(rows: list[Judged]) -> list[Judged]:
    said = [row.is_good for row in rows]
    Random(1).shuffle(said)
    return [row.model_copy(update={"is_good": is_good}) for row, is_good in zip(rows, said, strict=True)]


_HH = Work(lambda: hh_pairs(900), {"method": "dpo", "learning_rate": 5e-4}, 900)
_PAIRS = Work(rated_pairs, {"method": "dpo", "learning_rate": 5e-4, "epochs": 4}, 617)
_KTO = Work(judged_turns, {"method": "kto", "learning_rate": 5e-4, "kto": {"bad_weight": 6.0}}, 1_200)
_STAR = Work(lambda: star(1_200), {"method": "sft", "learning_rate": 2e-3, "batch_size": 32}, 1_200)
WORKS: dict[str, Work] = {
    "hh_dpo": _HH,
    "hh_dpo_swapped": Work(_HH.rows, _HH.settings, _HH.most, _swapped),
    "tm4_dpo": _PAIRS,
    "tm4_dpo_swapped": Work(_PAIRS.rows, _PAIRS.settings, _PAIRS.most, _swapped),
    "tm4_kto": _KTO,
    "tm4_kto_shuffled": Work(_KTO.rows, _KTO.settings, _KTO.most, _judgements_shuffled),
    "star_sft": _STAR,
    "star_sft_shuffled": Work(_STAR.rows, _STAR.settings, _STAR.most, _answers_shuffled),
}


def main() -> None:
    """A JSON object per work."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS))
    asked.add_argument("--processor-seconds", type=float, default=240.0, help="Of training, for each work.")
    asked.add_argument("--rows", type=int, help="At most so many, held-out ones among them.")
    asked.add_argument("--out", type=Path)
    options = asked.parse_args()
    for name in options.work:
        told = {"work": name, **_measured(WORKS[name], options)}
        print(json.dumps(told), flush=True)
        if options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")


def _measured(work: Work, options: argparse.Namespace) -> dict[str, Any]:
    began = time.process_time()
    train, held_out = parted(list(work.rows()), min(work.most, options.rows or work.most))
    if work.spoil is not None:
        train = work.spoil(train)
    config = TrainConfig.model_validate({**COMMON, **work.settings, "time_limit_seconds": options.processor_seconds})
    folder, ports = model_folder(BUNDLED), CpuPorts()
    base = BaseModel(folder, weights_digest(folder))
    with TemporaryDirectory() as scratch:
        outcome = run(ports, config, base, train, held_out, target=Path(scratch) / "adapter")
    evaluated = [point for point in outcome.curve if point.validation_loss is not None]
    return {
        "rows": [outcome.rows, len(held_out) - outcome.left_out.get("validation_too_long", 0)],
        "left_out": outcome.left_out, "steps": outcome.curve[-1].step, "epochs": round(outcome.curve[-1].epoch, 2),
        "stopped": outcome.stopped_because, "tokens": outcome.tokens_seen,
        "loss": [round(evaluated[0].validation_loss or 0, 4), round(evaluated[-1].validation_loss or 0, 4)],
        "best_loss": round(outcome.best_validation_loss, 4), "best_step": outcome.best_step,
        "accuracy": [_share(point, len(held_out)) for point in (evaluated[0], evaluated[-1])],
        "train_loss": _thinned([round(p.train_loss, 4) for p in outcome.curve if p.train_loss is not None]),
        "processor_seconds": round(time.process_time() - began, 1), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def _thinned(losses: list[float]) -> list[float]:
    """Some eight of them."""
    return losses[:: max(1, len(losses) // 8)]


def _share(point: CurvePoint, n: int) -> list[float] | None:
    """The accuracy with its 95% Wilson interval."""
    if point.validation_accuracy is None:
        return None
    found = Measurement.of_proportion("accuracy", round(point.validation_accuracy * n), n=n)
    return [round(each, 3) for each in (found.value, found.low, found.high)]


def parted(rows: list[Row], most: int) -> Parts:
    """At most so many rows, those that begin alike on one side; which side is in the words' own digest."""
    rows = sorted(rows, key=lambda row: sha256(row.id.encode()).hexdigest())[:most]
    train, held_out = [], []
    for row in rows:
        drawn = int(sha256(_beginning(row).encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
        (held_out if drawn < HELD_OUT else train).append(row)
    return train, held_out


def _beginning(row: Row) -> str:
    turns = row.messages if isinstance(row, Conversation) else row.prompt
    return next((turn.content.casefold() for turn in turns if turn.role == "user"), row.id)


if __name__ == "__main__":
    main()
