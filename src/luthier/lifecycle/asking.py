"""A model that is asked each question once: what it answered is kept, and a second asking is free."""

import time
from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from operator import add

from luthier.domain.answers import Answer
from luthier.domain.digests import digest_of
from luthier.domain.variants import ModelRef
from luthier.errors import EngineFault
from luthier.evaluate.judges.panel import Asking
from luthier.lifecycle.kept_answers import KeptAnswers
from luthier.lifecycle.spending import spend
from luthier.lifecycle.workspace import Workspace
from luthier.variants.engines.base import Engine, EngineRequest

ASKED_AT_ONCE = 32


class Asked:
    """An engine behind a file of what it has answered.

    Answers are written after every portion and before the next is asked, so a run that was killed pays for one portion
    again at most. A failed answer is not kept: it is asked anew.
    """

    def __init__(self, work: Workspace, model: ModelRef, engine: Engine, label: str) -> None:
        self._work, self._engine, self._label = work, engine, label
        self._model = model.digest
        self._kept = KeptAnswers(work.home / "asked" / f"{model.digest[:32]}.jsonl")

    def ask(self, askings: Sequence[Asking]) -> list[Answer]:
        """One answer per asking, in order; equal askings are asked once."""
        keys = [digest_of({"model": self._model, **asking.model_dump(mode="json")}) for asking in askings]
        due = {key: asking for key, asking in zip(keys, askings, strict=True) if self._kept.get(key) is None}
        failed: dict[str, Answer] = {}
        order = list(due)
        for start in range(0, len(order), ASKED_AT_ONCE):
            portion = order[start : start + ASKED_AT_ONCE]
            got = self._answers([due[key] for key in portion])
            fresh = dict(zip(portion, got, strict=True))
            failed |= {key: answer for key, answer in fresh.items() if answer.text is None}
            self._kept.keep(fresh)
            self._kept.sync()
            self._work.voice.progress(self._label, start + len(portion), len(order))
        return [self._kept.get(key) or failed[key] for key in keys]

    def _answers(self, portion: Sequence[Asking]) -> list[Answer]:
        requests = [EngineRequest(messages=asking.messages, decoding=asking.decoding) for asking in portion]
        began = time.monotonic()
        answers = self._engine.answer(requests)
        if len(answers) != len(portion):
            raise EngineFault(f"the model of {self._label!r} gave {len(answers)} answers to {len(portion)} questions")
        seconds = Decimal(str(round(time.monotonic() - began, 3)))
        charged = [answer.cost for answer in answers if answer.cost.amount]
        spend(self._work, "evaluation", self._label, seconds=seconds, paid=reduce(add, charged) if charged else None)
        return answers
