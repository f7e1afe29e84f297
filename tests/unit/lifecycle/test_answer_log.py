"""Answers that were paid for are not asked again, however the process ended."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from luthier.domain.answers import Answer
from luthier.domain.examples import Message
from luthier.lifecycle.answer_log import AnswerLog
from luthier.variants.engines.base import Told

QUESTIONS = [(Message(role="user", content=f"question {n}"),) for n in range(8)]
KILLED = """
import os, signal, sys
from pathlib import Path
from luthier.domain.answers import Answer
from luthier.domain.examples import Message
from luthier.lifecycle.answer_log import AnswerLog

def ask(questions, told):
    for place, question in enumerate(questions):
        with Path(sys.argv[2]).open("a") as paid:
            paid.write(question[0].content + "\\n")
        told(place, Answer(text="to " + question[0].content))
        if place == 4:
            os.kill(os.getpid(), signal.SIGKILL)

AnswerLog(Path(sys.argv[1])).answer([(Message(role="user", content=f"question {n}"),) for n in range(8)], ask)
"""


class Engine:
    """Answers in order and remembers what it was asked."""

    def __init__(self, *, failing: Sequence[str] = ()) -> None:
        self.asked: list[str] = []
        self.failing = failing

    def __call__(self, questions: Sequence[Sequence[Message]], told: Told) -> list[Answer]:
        texts = [question[-1].content for question in questions]
        self.asked += texts
        found = [Answer(text=None, finish_reason="timeout", error="late") if text in self.failing else
                 Answer(text=f"to {text}") for text in texts]  # fmt: skip
        for place, answer in enumerate(found):
            told(place, answer)
        return found


def test_what_was_answered_before_a_kill_is_not_asked_again(tmp_path: Path) -> None:
    log, paid = tmp_path / "answers.jsonl", tmp_path / "paid.txt"
    done = subprocess.run([sys.executable, "-c", KILLED, str(log), str(paid)], check=False)
    assert done.returncode == -signal.SIGKILL
    engine = Engine()
    answers = AnswerLog(log).answer(QUESTIONS, engine)
    asked = paid.read_text().split("\n")[:-1]
    assert asked == [f"question {n}" for n in range(5)]
    assert engine.asked == [f"question {n}" for n in range(5, 8)]
    assert [answer.text for answer in answers] == [f"to question {n}" for n in range(8)]


def test_a_torn_last_line_costs_one_answer_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    AnswerLog(file).answer(QUESTIONS[:3], Engine())
    file.write_bytes(file.read_bytes()[:-9])
    engine = Engine()
    AnswerLog(file).answer(QUESTIONS[:3], engine)
    assert engine.asked == ["question 2"]
    assert len(AnswerLog(file)) == 3
    assert all(orjson.loads(line) for line in file.read_bytes().splitlines())


def test_an_answer_that_failed_is_counted_now_and_asked_again_later(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    answers = AnswerLog(file).answer(QUESTIONS[:3], Engine(failing=["question 1"]))
    assert [answer.finish_reason for answer in answers] == ["stop", "timeout", "stop"]
    engine = Engine()
    assert AnswerLog(file).answer(QUESTIONS[:3], engine)[1].text == "to question 1"
    assert engine.asked == ["question 1"]


def test_a_question_that_two_rows_ask_is_asked_twice(tmp_path: Path) -> None:
    engine = Engine()
    AnswerLog(tmp_path / "answers.jsonl").answer([QUESTIONS[0], QUESTIONS[0]], engine)
    assert engine.asked == ["question 0", "question 0"]


def test_what_is_forgotten_is_gone_from_the_disk(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path / "answers.jsonl")
    log.answer(QUESTIONS, Engine())
    log.forget()
    assert list(tmp_path.iterdir()) == []
