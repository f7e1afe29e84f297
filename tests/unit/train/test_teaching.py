from collections.abc import Sequence

import pytest

from luthier.domain.answers import Answer
from luthier.domain.variants import Decoding
from luthier.errors import EngineFault
from luthier.train.teaching import taught
from luthier.variants.engines.base import EngineRequest
from tests.unit.train.tiny import task

ROWS = task(4, seed=1)


class Scripted:
    """An engine that gives these answers and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[EngineRequest] = []

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        self.asked += requests
        return self.answers


def test_a_row_keeps_its_question_and_learns_the_teachers_answer() -> None:
    teacher = Scripted(*[Answer(text=f"answer {at}") for at in range(4)])
    found = taught(teacher, ROWS, Decoding(max_tokens=7))
    assert [row.messages[-1].content for row in found.rows] == ["answer 0", "answer 1", "answer 2", "answer 3"]
    assert [row.messages[:-1] for row in found.rows] == [row.messages[:-1] for row in ROWS]
    assert [row.id for row in found.rows] == [row.id for row in ROWS]
    assert all(asked.messages == row.messages[:-1] for asked, row in zip(teacher.asked, ROWS, strict=True))
    assert {asked.decoding.max_tokens for asked in teacher.asked} == {7}
    assert found.left_out == {}


def test_faulty_empty_and_cut_answers_are_left_out_by_reason() -> None:
    teacher = Scripted(
        Answer(text=None, finish_reason="error", error="down"),
        Answer(text=" \n"),
        Answer(text="half an ans", finish_reason="length"),
        Answer(text="whole"),
    )
    found = taught(teacher, ROWS, Decoding())
    assert [row.id for row in found.rows] == [ROWS[3].id]
    assert found.left_out == {"teacher_cut": 1, "teacher_empty": 1, "teacher_fault": 1}


def test_a_teacher_that_answers_nothing_is_a_fault() -> None:
    with pytest.raises(EngineFault, match="no answer to learn from"):
        taught(Scripted(*[Answer(text=None, finish_reason="error")] * 4), ROWS, Decoding())
