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
from typing import Literal

from luthier.assess.targets import stands_in, values_of
from luthier.domain.digests import digest_of
from luthier.domain.examples import Example, Message
from luthier.domain.preferences import Preference
from luthier.domain.runs import CurvePoint, TrainingRun
from luthier.domain.snapshots import Split
from luthier.domain.value import Json
from luthier.domain.variants import Decoding, Variant
from luthier.errors import Refused, UnknownName
from luthier.lifecycle.answering import Variants
from luthier.lifecycle.energy import Meter, counters_here
from luthier.lifecycle.lab.exam import exam_of
from luthier.lifecycle.lab.memorisation import planted_rows
from luthier.lifecycle.lab.order import Order, checkpoints_of
from luthier.lifecycle.lab.tracking import Told, tracked
from luthier.lifecycle.links.assessment import require_tuning
from luthier.lifecycle.links.hosted import perform_hosted
from luthier.lifecycle.links.preferred import Method, preferred, with_others_judgements
from luthier.lifecycle.links.review import admitted_preferences, admitted_rows
from luthier.lifecycle.spending import note_energy, spend
from luthier.lifecycle.workspace import Settled, Workspace
from luthier.train.config import TrainConfig
from luthier.train.lab.overfitting import overfitting
from luthier.train.lab.subsets import WHOLE
from luthier.train.stage import VERSION, run
from luthier.train.teaching import taught
from luthier.train.types import BaseModel, Conversation, Row
from luthier.variants.answering import passages_for
from luthier.variants.engines.folders import weights_digest
from luthier.variants.rendering import RENDERING_VERSION, messages_for
from luthier.variants.retrieval.documents import Passage

LIBRARIES = ("torch", "transformers", "peft", "safetensors")
UNTRAINED = "0" * 64
CONTROL = "control"
CONTROL_SHARE_OF_TIME = 0.25
TEACHER_TOKENS = 1024
"""Length of a teacher's answer, at most; a longer one is cut and left out."""


class _Ports:
    def __init__(self, work: Workspace, stop: Event, order: Order, tell: Told) -> None:
        self._work = work
        self._tell = tell
        self._stop = stop
        self._watch = order.watch
        self.meter = Meter(counters_here())
        self.checkpoints: Path | None = checkpoints_of(work, order.name)

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    def progress(self, point: CurvePoint, done: int, of: int) -> None:
        self._work.voice.curve(point, done, of)
        self._tell(point)
        self._watch(point, done, of)

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
    return settle_run(work, variants, Order("", work.config.train))


def settle_control(work: Workspace, variants: Variants) -> Settled:
    """A shorter run on the same rows with their answers shuffled: what tuning gives when there is nothing to learn."""
    limit = work.config.train.time_limit_seconds
    shorter = {"time_limit_seconds": limit * CONTROL_SHARE_OF_TIME} if limit else {}
    return settle_run(work, variants, Order(CONTROL, work.config.train.model_copy(update=shorter), shuffled=True))


def conversations(
    work: Workspace, variants: Variants, served_by: Sequence[Variant], rows: Sequence[Example]
) -> list[Conversation]:
    """The rows as the variants will ask them: each row once, the variants taking turns.

    A row whose answer holds a value that only another variant's passages show goes to that variant: whoever trains on
    facts the prompt does not show teaches the model to make them up.
    """
    return [
        Conversation(
            id=row.id,
            messages=(
                *_asked(work, variants, served_by, place=place, question=row.question, ideal=row.ideal),
                row.messages[-1],
            ),
        )
        for place, row in enumerate(rows)
    ]


def _asked(
    work: Workspace,
    variants: Variants,
    served_by: Sequence[Variant],
    *,
    place: int,
    question: Sequence[Message],
    ideal: str,
) -> tuple[Message, ...]:
    """The question as that variant asks it which shows most of the answer; of equals, the one whose turn it is."""
    turns = [*served_by[place % len(served_by) :], *served_by[: place % len(served_by)]]
    shown = [(variant, _passages(variants, variant, question)) for variant in turns]
    variant, passages = min(shown, key=lambda pair: _unseen(question, ideal, pair[1]))
    return messages_for(variant, question, passages, work.tools)


def adapter_variants(work: Workspace, variants: Variants) -> list[Variant]:
    """The variants that will carry the adapter, as they are before there is one."""
    names = [name for name, section in work.config.variants.items() if section.adapter is not None]
    if not names:
        raise Refused("no variant carries an adapter, so nothing is to be trained", hint="add `adapter: train` to one")
    chosen = [variants.of(name, adapter=UNTRAINED) for name in names]
    if len({variant.model.digest for variant in chosen}) > 1:
        raise Refused(f"{', '.join(names)} share an adapter and must share a base model", hint="give them one `model`")
    return chosen


def settle_run(work: Workspace, variants: Variants, order: Order) -> Settled:
    """A run as ordered: its record in the run table, made anew only where something it depends on has changed."""
    require_tuning(work)
    distill = order.config.distill
    if order.shuffled and distill is not None and distill.learn_from == "logits":
        raise Refused("distributions have no targets to shuffle", hint="set learn_from to answers for a control run")
    served_by = adapter_variants(work, variants)
    inputs = {
        **_teacher_inputs(work, variants, order.config),
        "snapshot": work.require("data"),
        "admission": work.require("review"),
        "decision": work.require("assess"),
        **{f"variant:{variant.name}": variant.digest for variant in served_by},
    }
    section: dict[str, Json] = {"train": order.config.recipe, "rendering": RENDERING_VERSION}
    if order.subset != WHOLE:
        section["subset"] = order.subset.model_dump(mode="json")
    return work.settle(
        "train",
        order.name,
        version_number=VERSION,
        section=section,
        inputs=inputs,
        libraries=() if order.config.backend.kind == "hosted" else LIBRARIES,
        perform=lambda: _perform(work, variants, served_by, order),
    )


def kind_of(config: TrainConfig) -> Literal["adapter", "model"]:
    """What a run leaves: an adapter for its base, or a model of its own where every weight trained."""
    return "model" if config.adapter.kind == "none" else "adapter"


def _perform(work: Workspace, variants: Variants, served_by: Sequence[Variant], order: Order) -> str:
    config = order.config
    splits: tuple[Split, ...] = ("train", "validation")
    admitted = [admitted_rows(work, split) for split in splits]
    chosen = (order.subset.of(admitted[0]), admitted[1])
    asked = [
        conversations(work, variants, served_by, _targets(rows, config.seed, shuffled=order.shuffled))
        for rows in chosen
    ]
    if not order.shuffled:  # a shuffled answer would be another canary's
        asked[0] += conversations(work, variants, served_by, planted_rows(config))
    train: Sequence[Row]
    validation: Sequence[Row]
    if config.method == "dpo":
        train, validation, left_out = _preferred(work, variants, served_by, order, "dpo")
    elif config.method == "kto":
        train, validation, left_out = _preferred(work, variants, served_by, order, "kto")
    else:
        train, validation, left_out = _learned(work, variants, order, asked)
        if len(chosen[0]) < len(admitted[0]):
            left_out["outside_the_subset"] = len(admitted[0]) - len(chosen[0])
    if config.backend.kind == "hosted":
        return perform_hosted(work, config.backend, config, train, validation, subject=order.subject)
    snapshot = work.require("data")
    with (
        tempfile.TemporaryDirectory(dir=work.home) as scratch,
        _set_by_sigterm() as stop,
        tracked(work, config, order.name) as tell,
    ):
        target, ports = Path(scratch) / "adapter", _Ports(work, stop, order, tell)
        teacher = _teacher(work, variants, config)
        base = _base(work, variants, served_by)
        exam = exam_of(config, admitted[1], asked[1], work.tools)
        outcome = run(ports, config, base, train, validation, target=target, teacher=teacher, exam=exam)
        adapter = work.store.artifacts.put_folder(target, kind=kind_of(config), parents=[snapshot], now=work.clock())
    seconds = Decimal(str(round(outcome.seconds, 3)))
    cost = spend(work, "training", order.subject, seconds=seconds, note=f"energy: {ports.meter.said}")
    note_energy(work, "training", order.subject, ports.meter)
    outcome = outcome.model_copy(update={"left_out": {**outcome.left_out, **left_out}})
    record: TrainingRun = outcome.as_run(snapshot=snapshot, adapter=adapter, cost=cost)
    work.voice.say(
        f"{record.stopped_because} after {record.curve[-1].epoch:.1f} epochs and {record.seconds:.0f} s; "
        f"kept step {record.best_step} (validation loss {outcome.best_validation_loss:.4f}), "
        f"{kind_of(config)} {adapter[:12]}"
    )
    flag = overfitting(record.curve, kept=record.best_step)
    if flag.outcome == "fail":
        work.voice.say(f"overfitting: {'; '.join(flag.reasons)}")
    return work.keep(record, kind="training_run", parents=[snapshot, adapter])


def _learned(
    work: Workspace, variants: Variants, order: Order, asked: Sequence[Sequence[Conversation]]
) -> tuple[Sequence[Conversation], Sequence[Conversation], dict[str, int]]:
    """Both sets with the answers to be learned, and how many rows have none."""
    train, validation, left_out = _taught(work, variants, order.config, asked[0], asked[1])
    if order.shuffled and order.config.distill is not None:  # the teacher's answers took the shuffled ones' place
        train, validation = (_reshuffled(rows, order.config.seed) for rows in (train, validation))
    return train, validation, left_out


def _preferred(
    work: Workspace, variants: Variants, served_by: Sequence[Variant], order: Order, method: Method
) -> tuple[Sequence[Row], Sequence[Row], dict[str, int]]:
    """Both sets of preferences, and how many this method has no use for."""

    def prompted(place: int, one: Preference) -> tuple[Message, ...]:
        return _asked(
            work, variants, served_by, place=place, question=one.question, ideal=one.chosen or one.rejected or ""
        )

    admitted = admitted_preferences(work, "train")
    chosen = order.subset.of(admitted)
    train = preferred(chosen, method, prompted, name="train")
    validation = preferred(admitted_preferences(work, "validation"), method, prompted, name="validation")
    left_out = dict(train.left_out)
    if len(chosen) < len(admitted):
        left_out["outside_the_subset"] = len(admitted) - len(chosen)
    if not order.shuffled:
        return train.rows, validation.rows, left_out
    return with_others_judgements(train.rows, order.config.seed), validation.rows, left_out


def _base(work: Workspace, variants: Variants, served_by: Sequence[Variant]) -> BaseModel:
    return variants.base_model(work.config.variants[served_by[0].name].model)


def _teacher_inputs(work: Workspace, variants: Variants, config: TrainConfig) -> dict[str, str]:
    """What pins the teacher: its section, and its weights where it is a local model."""
    if config.distill is None:
        return {}
    section = work.config.models.get(config.distill.teacher)
    if section is None:
        raise UnknownName("model", config.distill.teacher, work.config.models.keys())
    pinned = {"teacher": digest_of(section.model_dump(mode="json"))}
    if section.engine == "local":
        pinned["teacher:weights"] = weights_digest(variants.base_folder(config.distill.teacher))
    return pinned


def _teacher(work: Workspace, variants: Variants, config: TrainConfig) -> BaseModel | None:
    """The teacher whose distributions are learned; None where nobody's are."""
    if config.distill is None or config.distill.learn_from != "logits":
        return None
    name = config.distill.teacher
    if work.config.models[name].engine != "local":
        raise Refused(f"the distributions of {name!r} cannot be read over an API", hint="set learn_from to answers")
    return variants.base_model(name)


def _taught(
    work: Workspace,
    variants: Variants,
    config: TrainConfig,
    train: Sequence[Conversation],
    validation: Sequence[Conversation],
) -> tuple[Sequence[Conversation], Sequence[Conversation], dict[str, int]]:
    """The rows with the teacher's answers where those are learned, and how many of either set had none."""
    if config.distill is None or config.distill.learn_from != "answers":
        return train, validation, {}
    engine = variants.engine(config.distill.teacher)
    decoding = Decoding(max_tokens=TEACHER_TOKENS)
    found = [taught(engine, rows, decoding) for rows in (train, validation)]
    left_out = {
        f"{name}{reason}": count
        for name, each in zip(("", "validation_"), found, strict=True)
        for reason, count in each.left_out.items()
    }
    work.voice.say(f"{config.distill.teacher} answered {sum(len(each.rows) for each in found)} rows")
    return found[0].rows, found[1].rows, left_out


def _passages(variants: Variants, variant: Variant, question: Sequence[Message]) -> tuple[Passage, ...]:
    index = variants.indexes[variant.retrieval.kb] if variant.retrieval else None
    return passages_for(variant, question, index)


def _unseen(question: Sequence[Message], ideal: str, passages: Sequence[Passage]) -> int:
    """How many values of the ideal answer stand neither in the question nor in the passages."""
    text = "\n".join([*(message.content for message in question), *(f"{p.title} {p.text}" for p in passages)])
    return sum(not stands_in(value, text) for value in values_of(ideal))


def _targets(rows: Sequence[Example], seed: int, *, shuffled: bool) -> Sequence[Example]:
    """The rows, or the same rows with each other's answers."""
    if not shuffled:
        return rows
    answers = [row.messages[-1] for row in rows]
    random.Random(seed).shuffle(answers)
    return [
        row.model_copy(update={"messages": (*row.question, answer)}) for row, answer in zip(rows, answers, strict=True)
    ]


def _reshuffled(rows: Sequence[Conversation], seed: int) -> list[Conversation]:
    """The conversations with each other's answers."""
    answers = [row.messages[-1] for row in rows]
    random.Random(seed).shuffle(answers)
    return [
        row.model_copy(update={"messages": (*row.messages[:-1], answer)})
        for row, answer in zip(rows, answers, strict=True)
    ]
