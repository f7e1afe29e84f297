"""Rows as entries of the objective that `train.method` names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from luthier.errors import Faults
from luthier.train.backends.encode import EncodedSet, encode_all
from luthier.train.backends.objectives.distill import Distilled, Lesson
from luthier.train.backends.objectives.dpo import Pair, Preferred
from luthier.train.backends.objectives.kto import JudgedAnswers, Opinion
from luthier.train.backends.objectives.protocol import Objective
from luthier.train.backends.objectives.sft import Answered, Supervised
from luthier.train.backends.teacher import Teacher
from luthier.train.config import DpoConfig, KtoConfig, TrainConfig
from luthier.train.types import Conversation, Judged, PreferencePair, Row

Encode = Callable[..., EncodedSet]


@dataclass(frozen=True)
class Prepared:
    """An objective with its entries; `left_out` counts rows by reason."""

    objective: Objective[Any]
    train: list[Any]
    held_out: list[Any]
    left_out: dict[str, int]


def prepare(
    config: TrainConfig,
    tokenizer: Any,
    rows: Sequence[Row],
    held_out: Sequence[Row],
    *,
    context_tokens: int,
    teacher: Teacher | None,
) -> Prepared:
    """Every row encoded; all that cannot be trained on are told at once, by id."""
    found, left_out = [], {}
    for name, reason, given in (("training", "too_long", rows), ("validation", "validation_too_long", held_out)):
        encode = partial(encode_all, tokenizer, config=config, context_tokens=context_tokens, name=name)
        entries = _entries(config, given, encode)
        if not entries:
            raise Faults(f"the {name} set", ["no row fits"], hint="raise train.max_tokens_per_example")
        if len(entries) < len(given):
            left_out[reason] = len(given) - len(entries)
        found.append(entries)
    return Prepared(_objective(config, tokenizer, context_tokens, teacher), found[0], found[1], left_out)


def learns_distributions(config: TrainConfig) -> bool:
    """Whether a teacher must be at hand while training."""
    return config.distill is not None and config.distill.learn_from == "logits"


def _objective(config: TrainConfig, tokenizer: Any, context_tokens: int, teacher: Teacher | None) -> Objective[Any]:
    if config.method == "dpo":
        return Preferred(config.dpo or DpoConfig())
    if config.method == "kto":
        return JudgedAnswers(config.kto or KtoConfig())
    if config.distill is not None and teacher is not None:
        return Distilled(config.distill, teacher, tokenizer, context_tokens)
    return Supervised()


def _entries(config: TrainConfig, rows: Sequence[Any], encode: Encode) -> list[Any]:
    if config.method == "dpo":
        return _pairs(rows, encode)
    if config.method == "kto":
        return _opinions(rows, encode, config)
    entry = Lesson if learns_distributions(config) else Answered
    return [entry(text) for text in encode(rows).rows]


def _pairs(rows: Sequence[PreferencePair], encode: Encode) -> list[Pair]:
    """Pairs of which both answers fit."""
    asked = [
        Conversation(id=f"{row.id} ({name})", messages=(*row.prompt, answer))
        for row in rows
        for name, answer in (("chosen", row.chosen), ("rejected", row.rejected))
    ]
    texts = {text.id: text for text in encode(asked).rows}
    both = ((texts.get(f"{row.id} (chosen)"), texts.get(f"{row.id} (rejected)")) for row in rows)
    return [Pair(chosen, rejected) for chosen, rejected in both if chosen and rejected]


def _opinions(rows: Sequence[Judged], encode: Encode, config: TrainConfig) -> list[Opinion]:
    """Judgements that fit, each with the answer to the next different prompt where that fits, too."""
    texts = {text.id: text for text in encode([_judged(row, row) for row in rows]).rows}
    others = [
        next((o for o in (*rows[at + 1 :], *rows[:at]) if o.prompt != row.prompt), None) for at, row in enumerate(rows)
    ]
    crossed = [_judged(row, other) for row, other in zip(rows, others, strict=True) if other is not None]
    lenient = config.model_copy(update={"too_long": "drop"})
    strange = {text.id: text for text in encode(crossed, config=lenient).rows} if crossed else {}
    return [Opinion(texts[row.id], row.is_good, strange.get(row.id)) for row in rows if row.id in texts]


def _judged(row: Judged, answered_by: Judged) -> Conversation:
    return Conversation(id=row.id, messages=(*row.prompt, answered_by.answer))
