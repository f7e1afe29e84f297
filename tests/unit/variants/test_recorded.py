"""What the system in use answered, counted as it was, with its time and money."""

from decimal import Decimal
from pathlib import Path

import pytest

from luthier.domain.answers import Answer
from luthier.domain.examples import Message
from luthier.domain.money import TokenPrice
from luthier.errors import Faults, MissingInput
from luthier.variants.config import ModelConfig
from luthier.variants.engines.base import EngineRequest, EngineSetup
from luthier.variants.engines.catalogue import open_engine


def ask(folder: Path, *questions: str, price: TokenPrice | None = None) -> list[Answer]:
    model = ModelConfig(engine="recorded", id="old.jsonl", price=price or TokenPrice())
    system = Message(role="system", content="any prompt")
    requests = [EngineRequest(messages=(system, Message(role="user", content=each))) for each in questions]
    return open_engine(model, EngineSetup(root=folder)).answer(requests)


def test_a_recorded_answer_keeps_its_time_its_cost_and_its_silence(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text(
        '{"question": "How  much?", "answer": "4", "latency_seconds": 2.5, "cost": "0.03", "currency": "USD"}\n'
        '{"question": "Why?", "answer": null}\n'
    )
    told, silent, unknown = ask(tmp_path, "How much?", "Why?", "Who?")
    assert (told.text, told.latency_seconds, str(told.cost.amount), told.cost.currency) == ("4", 2.5, "0.03", "USD")
    assert (silent.text, silent.error) == (None, "the system gave no answer")
    assert (unknown.text, unknown.finish_reason) == (None, "error")


def test_tokens_are_priced_where_no_cost_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text(
        '{"question": "q", "answer": "a", "prompt_tokens": 1000, "completion_tokens": 10}\n'
    )
    price = TokenPrice(input_per_million=Decimal(2), output_per_million=Decimal(100))
    assert ask(tmp_path, "q", price=price)[0].cost.amount == Decimal("0.003")  # 1000 * 2 / 1e6 + 10 * 100 / 1e6


def test_every_bad_line_and_every_question_answered_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text(
        '{"question": "q", "answer": "a"}\n{"answer": "b"}\n{"question": " q", "answer": "c"}'
    )
    with pytest.raises(Faults) as fault:
        ask(tmp_path, "q")
    assert [text.split(":")[0] for text in fault.value.faults] == ["line 2", "line 3"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=r"old\.jsonl"):
        ask(tmp_path, "q")
