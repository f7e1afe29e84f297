"""Logs of dialogues, by whatever names their turns go."""

import json

import pytest

from tests.unit.data.readers.conftest import Reading

HI_HO = [("user", "hi"), ("assistant", "ho")]


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]},
        {"conversation": [{"role": "customer", "content": "hi"}, {"role": "agent", "content": "ho"}]},
        {"utterances": [{"speaker": "user", "text": "hi"}, {"speaker": "assistant", "text": "ho"}]},
        {"Events": [{"Agent": "UserGuide", "Action": "instruct", "Text": "say hi"},
                    {"Agent": "User", "Action": "utter", "Text": "hi"}, {"Agent": "Wizard", "Action": "query"},
                    {"Agent": "Wizard", "Action": "request_suggestions", "Text": "hm"},
                    {"Agent": "Wizard", "Action": "utter", "Text": "ho"}]},
    ],
)  # fmt: skip
def test_turns_are_recognised_by_any_of_their_names(read: Reading, row: dict[str, object]) -> None:
    found = read(json.dumps(row))
    assert found.formats == {"sharegpt"}
    assert found.texts == [HI_HO]


def test_a_dialogue_ends_with_its_last_answer_and_one_speaker_in_a_row_is_one_turn(read: Reading) -> None:
    turns = [("human", "h"), ("human", "i"), ("gpt", "ho"), ("human", "bye")]
    row = {"system": "Be kind.", "conversations": [{"from": who, "value": what} for who, what in turns]}
    assert read(json.dumps(row)).texts == [[("system", "Be kind."), ("user", "h\ni"), ("assistant", "ho")]]


def test_a_dialogue_that_nobody_answers_is_no_row_and_no_fault(read: Reading) -> None:
    found = read(json.dumps({"conversations": [{"from": "human", "value": "hello?"}]}))
    assert (found.rows, [fault.blocking for fault in found.faults]) == ([], [False])


def test_calls_and_what_tools_saw_are_turns(read: Reading) -> None:
    turns = [
        ("human", "hi"),
        ("function_call", '{"name": "f", "arguments": {}}'),
        ("observation", "7"),
        ("gpt", "seven"),
    ]
    found = read(json.dumps({"conversations": [{"from": who, "value": what} for who, what in turns], "tools": "[]"}))
    assert [role for role, _ in found.texts[0]] == ["user", "assistant", "tool", "assistant"]
