"""Rows as columns of questions and keys of answers."""

import pyarrow as pa
import pyarrow.compute as pc

from luthier.data.asked import Asked, answer_keys
from luthier.data.rows import MESSAGE

TURNS = [
    [
        ("system", "Be brief."),
        ("user", "My card?"),
        ("assistant", "Which one?"),
        ("user", "Visa"),
        ("assistant", "Here"),
    ],
    [("user", "Hi"), ("assistant", '{"a": 1, "b": 2}')],
    [("user", "Ho"), ("assistant", '{"b": 2, "a": "1"}')],
]


def batch() -> pa.RecordBatch:
    rows = [[{"role": role, "content": content} for role, content in turns] for turns in TURNS]
    return pa.record_batch({"messages": pa.array(rows, pa.list_(MESSAGE))})


def test_the_question_is_all_that_was_said_before_the_answer_except_by_the_system() -> None:
    asked = Asked.of_batch(batch())
    assert asked.questions.to_pylist() == ["My card?\nWhich one?\nVisa", "Hi", "Ho"]
    assert asked.answers[1] == asked.answers[2] != asked.answers[0]


def test_a_slice_of_a_batch_gives_its_own_rows() -> None:
    whole, part = Asked.of_batch(batch()), Asked.of_batch(batch().slice(1, 2))
    assert part.questions.to_pylist() == whole.questions.to_pylist()[1:]
    assert part.answers.tolist() == whole.answers.tolist()[1:]


def test_answers_that_differ_in_form_alone_share_a_key() -> None:
    keys = answer_keys(pa.array(["Yes, please.", "yes", "No", '["x"]', '["X"]', "{broken"], pa.large_string()))
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] == keys[4]
    assert pc.count_distinct(pa.array(keys)).as_py() == 4
