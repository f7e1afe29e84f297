"""A judge's questions: asked once, kept whatever happens to the process, failures never kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from luthier.domain.answers import Answer
from luthier.domain.examples import Message
from luthier.domain.money import Money
from luthier.domain.variants import Decoding, ModelRef
from luthier.errors import EngineFault
from luthier.evaluate.judges.panel import Asking
from luthier.lifecycle.asking import Asked
from luthier.lifecycle.workspace import Workspace
from luthier.variants.engines.base import EngineRequest

PROJECT = """
project: tiny
charter: {problem: Turn e-mails into calls.}
data: {sources: [{path: rows.jsonl, lawful_basis: contract}]}
variants: {prompt: {model: base, prompt: prompt.md}}
"""
MODEL = ModelRef(engine="openai", id="grader", base_url="http://x.example/v1")


@dataclass
class Charging:
    """An engine that repeats the question at a price, or fails."""

    asked: int = 0
    failing: bool = False

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        self.asked += len(requests)
        if self.failing:
            return [Answer(text=None, finish_reason="error", error="timeout") for _ in requests]
        return [Answer(text=each.messages[0].content, cost=Money(amount=Decimal(1))) for each in requests]


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "luthier.yaml").write_text(PROJECT)
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "prompt.md").write_text("Be brief.")
    with Workspace.open(tmp_path) as opened:
        yield opened


def asking(text: str, *, seed: int = 0) -> Asking:
    return Asking(messages=(Message(role="user", content=text),), decoding=Decoding(seed=seed))


def asked(work: Workspace, engine: Charging, model: ModelRef = MODEL) -> Asked:
    return Asked(work, model, engine, "judge helpful")


def charged(work: Workspace) -> Decimal:
    return sum((entry.amount for entry in work.store.ledger.entries() if entry.unit == "engine charges"), Decimal(0))


def test_a_question_is_paid_once_in_this_process_and_in_the_next(work: Workspace) -> None:
    engine = Charging()
    first = asked(work, engine).ask([asking("one"), asking("two"), asking("one")])
    assert [answer.text for answer in first] == ["one", "two", "one"]
    assert asked(work, engine).ask([asking("two"), asking("one")]) == [first[1], first[0]]
    assert (engine.asked, charged(work)) == (2, 2)


def test_another_seed_model_or_wording_is_another_question(work: Workspace) -> None:
    engine = Charging()
    asked(work, engine).ask([asking("one")])
    asked(work, engine).ask([asking("one", seed=1), asking("one!")])
    asked(work, engine, MODEL.model_copy(update={"id": "other"})).ask([asking("one")])
    assert engine.asked == 4


def test_a_failed_answer_is_told_and_asked_again(work: Workspace) -> None:
    engine = Charging(failing=True)
    assert [answer.error for answer in asked(work, engine).ask([asking("one")])] == ["timeout"]
    engine.failing = False
    assert [answer.text for answer in asked(work, engine).ask([asking("one")])] == ["one"]


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_a_crash_tore_off_is_asked_again_and_spoils_no_other(work: Workspace, cut: int) -> None:
    engine = Charging()
    asked(work, engine).ask([asking("one")])
    asked(work, engine).ask([asking("two")])
    [kept] = (work.home / "asked").iterdir()
    kept.write_bytes(kept.read_bytes()[:-cut])
    asked(work, engine).ask([asking("three")])
    before = engine.asked
    answers = asked(work, engine).ask([asking(each) for each in ("one", "two", "three")])
    assert [answer.text for answer in answers] == ["one", "two", "three"]
    assert engine.asked - before == (1 if cut > 1 else 0)  # without its line end alone, a line is whole


def test_an_engine_that_loses_answers_is_a_fault(work: Workspace) -> None:
    class Losing(Charging):
        def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
            return super().answer(requests)[1:]

    with pytest.raises(EngineFault, match="0 answers to 1"):
        asked(work, Losing()).ask([asking("one")])
