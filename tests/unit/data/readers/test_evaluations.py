"""TensorZero's data and OpenAI Evals' samples."""

import json

import pytest

from tests.unit.data.readers.conftest import Reading

TEXT = [{"type": "text", "text": "ho"}]
CALL = {"type": "tool_call", "id": "1", "name": "note", "arguments": {"b": 1, "a": 2}}
CHAT = {
    "id": "i1", "function_name": "f", "episode_id": "e1", "tags": {"team": "x"},
    "input": {"system": "Be kind.", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
    "output": TEXT, "dispreferred_outputs": [[{"type": "text", "text": "no"}]],
}  # fmt: skip


@pytest.mark.parametrize("as_text", [True, False])
def test_a_tensorzero_inference_is_read_also_as_the_database_keeps_it(read: Reading, as_text: bool) -> None:
    row = {key: json.dumps(value) if as_text and not isinstance(value, str) else value for key, value in CHAT.items()}
    found = read(json.dumps(row))
    assert found.formats == {"tensorzero"}
    assert found.texts == [[("system", "Be kind."), ("user", "hi"), ("assistant", "ho")]]
    assert (found.rows[0]["rejected"], found.rows[0]["group"]) == ("no", "e1")
    assert ("team", "x") in found.rows[0]["strata"]


def test_calls_results_and_json_outputs_are_told(read: Reading) -> None:
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [{"type": "tool_result", "id": "1", "name": "note", "result": "7"}]},
    ]
    told = {
        "input": {"messages": history},
        "output": {"raw": '{"x": 1}', "parsed": {"x": 1}},
        "output_schema": {"type": "object"},
    }
    found = read(json.dumps(told))
    assert found.texts == [
        [
            ("user", "hi"),
            ("assistant", '{"arguments":{"a":2,"b":1},"name":"note"}'),
            ("tool", "7"),
            ("assistant", '{"x": 1}'),
        ]
    ]
    assert json.loads(found.rows[0]["tools"]) == {"json_schema": {"schema": {"type": "object"}}}


def test_a_datapoint_without_output_is_no_row_and_no_fault(read: Reading) -> None:
    found = read(json.dumps(CHAT | {"output": None}))
    assert (found.rows, [fault.blocking for fault in found.faults]) == ([], [False])


@pytest.mark.parametrize("asked", ["hi", [{"role": "user", "content": "hi"}]])
@pytest.mark.parametrize("ideal", ["ho", ["ho", "hoho"]])
def test_a_sample_of_openai_evals_is_answered_by_its_first_ideal(read: Reading, asked: object, ideal: object) -> None:
    found = read(json.dumps({"input": asked, "ideal": ideal}))
    assert found.formats == {"openai_evals"}
    assert found.texts == [[("user", "hi"), ("assistant", "ho")]]
