"""Training runs: admitted rows rendered as the variants will ask them, the run, and its record."""

import random
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Event, current_thread, main_thread

from luthier.assess.failures import stands_in, values_of
from luthier.domain.examples import Example
from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.domain.snapshots import Split
from luthier.domain.variants import Variant
from luthier.errors import Refused
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.energy import Meter, counters_here
from luthier.lifecycle.links.assessment import require_tuning
from luthier.lifecycle.links.hosted import perform_hosted
from luthier.lifecycle.links.review import admitted_rows
from luthier.lifecycle.spending import note_energy, spend
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.train.config import TrainConfig
from luthier.train.stage import VERSION, run
from luthier.train.types import BaseModel, Conversation
from luthier.variants.answering import passages_for
from luthier.variants.engines.folders import weights_digest
from luthier.variants.rendering import RENDERING_VERSION, messages_for
from luthier.variants.retrieval.documents import Passage

LIBRARIES = ("torch", "transformers", "peft", "safetensors")
UNTRAINED = "0" * 64
CONTROL = "control"
CONTROL_SHARE_OF_TIME = 0.25


class _Ports:
    def __init__(self, work: Workspace, stop: Event) -> None:
        self._work = work
        self._stop = stop
        self.meter = Meter(counters_here())
        self.checkpoints: Path | None = work.home / "checkpoints"

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        self._work.voice.curve(point, done, of)

    def stop_requested(self) -> bool:
        self.meter.look()
        return self._stop.is_set()


@contextmanager
def _set_by_sigterm() -> Iterator[Event]:
    """An event that SIGTERM sets while this is open; a thread cannot take signals, and there it is never set."""
    stop = Event()
    if current_thread() is not main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def settle_training(work: Workspace, variants: Variants) -> Settled:
    """The run on the admitted rows."""
    return _settle(work, variants, "", work.config.train)


def settle_control(work: Workspace, variants: Variants) -> Settled:
    """A shorter run on the same rows with their answers shuffled: what tuning gives when there is nothing to learn."""
    limit = work.config.train.time_limit_seconds
    shorter = {"time_limit_seconds": limit * CONTROL_SHARE_OF_TIME} if limit else {}
    return _settle(work, variants, CONTROL, work.config.train.model_copy(update=shorter))


def conversations(
    work: Workspace, variants: Variants, served_by: Sequence[Variant], rows: Sequence[Example]
) -> list[Conversation]:
    """The rows as the variants will ask them: each row once, the variants taking turns.

    A row whose answer holds a value that only another variant's passages show goes to that variant: whoever trains on
    facts the prompt does not show teaches the model to make them up.
    """
    rendered = []
    for place, row in enumerate(rows):
        turns = [*served_by[place % len(served_by) :], *served_by[: place % len(served_by)]]
        shown = [(variant, _passages(variants, variant, row)) for variant in turns]
        variant, passages = min(shown, key=lambda pair: _unseen(row, pair[1]))  # of equals, whose turn it is
        asked = messages_for(variant, row.question, passages, work.tools)
        rendered.append(Conversation(id=row.id, messages=(*asked, row.messages[-1])))
    return rendered


def adapter_variants(work: Workspace, variants: Variants) -> list[Variant]:
    """The variants that will carry the adapter, as they are before there is one."""
    names = [name for name, section in work.config.variants.items() if section.adapter is not None]
    if not names:
        raise Refused("no variant carries an adapter, so nothing is to be trained", hint="add `adapter: train` to one")
    chosen = [variants.of(name, adapter=UNTRAINED) for name in names]
    if len({variant.model.digest for variant in chosen}) > 1:
        raise Refused(f"{', '.join(names)} share an adapter and must share a base model", hint="give them one `model`")
    return chosen


def _settle(work: Workspace, variants: Variants, name: str, config: TrainConfig) -> Settled:
    require_tuning(work)
    served_by = adapter_variants(work, variants)
    inputs = {
        "snapshot": work.require("data"),
        "admission": work.require("review"),
        "decision": work.require("assess"),
        **{f"variant:{variant.name}": variant.digest for variant in served_by},
    }
    return work.settle(
        "train",
        name,
        version_number=VERSION,
        section={"train": config.model_dump(mode="json"), "rendering": RENDERING_VERSION},
        inputs=inputs,
        libraries=() if config.backend.kind == "hosted" else LIBRARIES,
        perform=lambda: _perform(work, variants, served_by, config, shuffled=name == CONTROL),
    )


def _perform(
    work: Workspace, variants: Variants, served_by: Sequence[Variant], config: TrainConfig, *, shuffled: bool
) -> str:
    splits: tuple[Split, ...] = ("train", "validation")
    train, validation = (
        conversations(work, variants, served_by, _targets(admitted_rows(work, split), config.seed, shuffled=shuffled))
        for split in splits
    )
    if config.backend.kind == "hosted":
        return perform_hosted(work, config.backend, config, train, validation, subject=_subject(shuffled=shuffled))
    base_name = work.config.variants[served_by[0].name].model
    folder = variants.base_folder(base_name)
    base = BaseModel(folder=folder, weights=weights_digest(folder), id=work.config.models[base_name].id)
    snapshot = work.require("data")
    with tempfile.TemporaryDirectory(dir=work.home) as scratch, _set_by_sigterm() as stop:
        target, ports = Path(scratch) / "adapter", _Ports(work, stop)
        outcome = run(ports, config, base, train, validation, target=target)
        adapter = work.store.artifacts.put_folder(target, kind="adapter", parents=[snapshot], now=work.clock())
    subject, seconds = _subject(shuffled=shuffled), Decimal(str(round(outcome.seconds, 3)))
    cost = spend(work, "training", subject, seconds=seconds, note=f"energy: {ports.meter.said}")
    note_energy(work, "training", subject, ports.meter)
    record: TrainingRun = outcome.as_run(snapshot=snapshot, adapter=adapter, cost=cost)
    work.voice.say(
        f"{record.stopped_because} after {record.curve[-1].epoch:.1f} epochs and {record.seconds:.0f} s; "
        f"kept step {record.best_step} (validation loss {outcome.best_validation_loss:.4f}), adapter {adapter[:12]}"
    )
    return work.keep(record, kind="training_run", parents=[snapshot, adapter])


def _subject(*, shuffled: bool) -> str:
    return "control run" if shuffled else "tuning run"


def _passages(variants: Variants, variant: Variant, row: Example) -> tuple[Passage, ...]:
    index = variants.indexes[variant.retrieval.kb] if variant.retrieval else None
    return passages_for(variant, row.question, index)


def _unseen(row: Example, passages: Sequence[Passage]) -> int:
    """How many values of the ideal answer stand neither in the question nor in the passages."""
    text = "\n".join([*(message.content for message in row.question), *(f"{p.title} {p.text}" for p in passages)])
    return sum(not stands_in(value, text) for value in values_of(row.ideal))


def _targets(rows: Sequence[Example], seed: int, *, shuffled: bool) -> Sequence[Example]:
    """The rows, or the same rows with each other's answers."""
    if not shuffled:
        return rows
    answers = [row.messages[-1] for row in rows]
    random.Random(seed).shuffle(answers)
    return [
        row.model_copy(update={"messages": (*row.question, answer)}) for row, answer in zip(rows, answers, strict=True)
    ]
