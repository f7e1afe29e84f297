"""Sequence-level distillation: what a larger model answers becomes what a smaller one learns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from luthier.domain.variants import Decoding
from luthier.errors import EngineFault
from luthier.train.types import Conversation
from luthier.variants.engines.base import Engine, EngineRequest


@dataclass(frozen=True)
class Taught:
    """Rows with the teacher's answers in place of their own; rows in = rows out + rows left out by reason."""

    rows: tuple[Conversation, ...]
    left_out: Mapping[str, int]


def taught(engine: Engine, rows: Sequence[Conversation], decoding: Decoding) -> Taught:
    """Every row answered anew by the teacher; a faulty, empty or cut answer teaches nothing and is left out."""
    answers = engine.answer([EngineRequest(messages=row.messages[:-1], decoding=decoding) for row in rows])
    kept, left_out = [], Counter[str]()
    for row, answer in zip(rows, answers, strict=True):
        if answer.text is None or answer.finish_reason == "error":
            left_out["teacher_fault"] += 1
        elif not answer.text.strip():
            left_out["teacher_empty"] += 1
        elif answer.finish_reason == "length":
            left_out["teacher_cut"] += 1
        else:
            spoken = row.messages[-1].model_copy(update={"content": answer.text})
            kept.append(row.model_copy(update={"messages": (*row.messages[:-1], spoken)}))
    if rows and not kept:
        raise EngineFault(
            f"the teacher gave no answer to learn from: {dict(left_out)}", hint="ask it yourself, and raise max_tokens"
        )
    return Taught(tuple(kept), dict(sorted(left_out.items())))
