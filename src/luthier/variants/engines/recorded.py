"""The system in use today as an engine: the answers that it gave, read from a file, with what they took and cost.

One JSON object a line: `question`, as it stands in the benchmark after personal data was taken out; `answer`, or null
where it gave none; and, where they were measured, `latency_seconds`, `cost`, `currency`, `prompt_tokens`,
`completion_tokens`. A price per million tokens needs the tokens.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import orjson
from pydantic import Field, ValidationError

from luthier.domain.answers import Answer
from luthier.domain.money import Money, TokenPrice
from luthier.domain.value import Value
from luthier.errors import Faults, MissingInput
from luthier.variants.engines.base import EngineRequest


class Recorded(Value):
    """What the system answered to one question."""

    question: str = Field(min_length=1)
    answer: str | None
    latency_seconds: float = Field(default=0.0, ge=0)
    cost: Decimal | None = Field(default=None, ge=0, description="Of this answer; None: by the model's token price.")
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class RecordedEngine:
    """Answers each last user message with what the system answered to the same words; prompts change nothing."""

    def __init__(self, records: Sequence[Recorded], *, price: TokenPrice | None = None) -> None:
        self._records = {_words(record.question): record for record in records}
        self._price = price or TokenPrice()

    @classmethod
    def read(cls, file: Path, *, price: TokenPrice | None = None) -> "RecordedEngine":
        """The engine of a file; Faults name every line that is no record, and every question answered twice."""
        if not file.is_file():
            raise MissingInput(f"the recorded answers {str(file)!r} are not there", hint="check `id` of the model")
        records, faults, seen = list[Recorded](), list[str](), dict[str, int]()
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            if not line.strip():
                continue
            try:
                record = Recorded.model_validate(orjson.loads(line))
            except (orjson.JSONDecodeError, ValidationError) as fault:
                said = fault.errors()[0]["msg"] if isinstance(fault, ValidationError) else "no JSON"
                faults.append(f"line {number}: {said}")
                continue
            first = seen.setdefault(_words(record.question), number)
            if first != number:
                faults.append(f"line {number}: the question of line {first} again")
            records.append(record)
        if faults or not records:
            raise Faults(str(file), faults or ["no line"], hint='write {"question": ..., "answer": ...} on each line')
        return cls(records, price=price)

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        """One recorded answer per request; an error where the file has none for that question."""
        return [self._told(request) for request in requests]

    def _told(self, request: EngineRequest) -> Answer:
        asked = next((each.content for each in reversed(request.messages) if each.role == "user"), request.text or "")
        record = self._records.get(_words(asked))
        if record is None:
            return Answer(text=None, finish_reason="error", error="the file has no answer to this question")
        tokens = record.prompt_tokens, record.completion_tokens
        cost = (
            Money(amount=record.cost, currency=record.currency) if record.cost is not None else self._price.of(*tokens)
        )
        return Answer(
            text=record.answer,
            finish_reason="stop" if record.answer is not None else "error",
            prompt_tokens=tokens[0],
            completion_tokens=tokens[1],
            latency_seconds=record.latency_seconds,
            cost=cost,
            error=None if record.answer is not None else "the system gave no answer",
        )


def _words(question: str) -> str:
    return " ".join(question.split())
