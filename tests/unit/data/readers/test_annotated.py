"""Annotation tools: the answer is what people submitted and agree on."""

import json

import pytest

from tests.unit.data.readers.conftest import Reading


def studio(*results: list[dict[str, object]], **data: str) -> str:
    return json.dumps({"id": 4, "data": data, "annotations": [{"result": result} for result in results]})


CHOICE = [{"from_name": "kind", "type": "choices", "value": {"choices": ["billing"]}}]
OTHER = [{"from_name": "kind", "type": "choices", "value": {"choices": ["other"]}}]


def test_a_label_studio_task_is_asked_by_its_text_and_answered_by_its_choice(read: Reading) -> None:
    found = read(f"[{studio(CHOICE, CHOICE, text='Where is my bill?')}]")
    assert found.formats == {"label_studio"}
    assert found.texts == [[("user", "Where is my bill?"), ("assistant", "billing")]]


def test_a_label_studio_comparison_is_a_preference(read: Reading) -> None:
    picked = [{"from_name": "c", "type": "pairwise", "value": {"selected": "right"}}]
    found = read(studio(picked, prompt="hi", left="no", right="ho"))
    assert found.texts == [[("user", "hi"), ("assistant", "ho")]]
    assert found.rows[0]["rejected"] == "no"


def test_spans_are_no_answer_and_that_is_told(read: Reading) -> None:
    spans = [{"from_name": "l", "type": "labels", "value": {"start": 0, "end": 3, "labels": ["PER"]}}]
    assert "type 'labels' is no answer" in read(studio(spans, text="Ann")).told[0]


ARGILLA_2 = {"id": "a", "fields": {"prompt": "hi", "response": "no"}, "metadata": {"team": "x"},
             "responses": {"better": [{"value": "ho", "user_id": "1"}]}}  # fmt: skip
ARGILLA_1 = {"fields": {"prompt": "hi", "response": "no"},
             "responses": [{"user_id": "1", "status": "submitted", "values": {"better": {"value": "ho"}}},
                           {"user_id": "2", "status": "draft", "values": {"better": {"value": "bad"}}}]}  # fmt: skip


@pytest.mark.parametrize("row", [ARGILLA_1, ARGILLA_2])
def test_an_argilla_record_with_a_draft_is_a_human_fix(read: Reading, row: dict[str, object]) -> None:
    found = read(json.dumps(row))
    assert found.formats == {"argilla"}
    assert found.texts == [[("user", "hi"), ("assistant", "ho")]]
    assert found.rows[0]["rejected"] == "no"


@pytest.mark.parametrize(
    "content",
    [
        studio(CHOICE, OTHER, text="Where is my bill?"),
        studio(text="Where is my bill?"),
        json.dumps(ARGILLA_2 | {"responses": {"better": [{"value": "ho"}, {"value": "hu"}]}}),
        json.dumps(ARGILLA_2 | {"responses": {}}),
    ],
)
def test_what_people_have_not_agreed_on_waits_and_blocks_nothing(read: Reading, content: str) -> None:
    found = read(content)
    assert (found.rows, [fault.blocking for fault in found.faults]) == ([], [False])


def test_a_question_that_could_be_any_of_several_fields_is_asked_for(read: Reading) -> None:
    assert "columns: {prompt: NAME}" in read(studio(CHOICE, title="a b", body="c d")).told[0]
    assert read(studio(CHOICE, title="a b", body="c d"), columns={}).rows == []
