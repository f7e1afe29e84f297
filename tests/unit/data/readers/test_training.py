"""Formats made for tuning: each becomes the conversation that its own documentation says it is."""

import json

import pytest

from luthier.errors import UnknownName
from tests.unit.data.readers.conftest import Reading

USER, ANSWER = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}
NO = {"role": "assistant", "content": "no"}
HI_HO = [("user", "hi"), ("assistant", "ho")]
TOOL = {"type": "function", "function": {"name": "note", "parameters": {"type": "object"}}}


def line(**row: object) -> str:
    return json.dumps(row)


@pytest.mark.parametrize("is_named", [False, True])
@pytest.mark.parametrize(
    ("content", "name", "rejected"),
    [
        (line(messages=[USER, ANSWER]), "chat", None),
        (line(input={"messages": [USER]}, preferred_output=[ANSWER], non_preferred_output=[NO]), "openai_dpo", "no"),
        (line(prompt="hi", completion="ho"), "prompt_completion", None),
        (line(prompt=[USER], completion=[ANSWER]), "prompt_completion", None),
        (line(prompt="hi", chosen="ho", rejected="no"), "preference", "no"),
        (line(prompt=[USER], chosen=[ANSWER], rejected=[{"role": "assistant", "content": "no"}]), "preference", "no"),
        (line(chosen=[USER, ANSWER], rejected=[USER, {"role": "assistant", "content": "no"}]), "preference", "no"),
        (line(chosen="\n\nHuman: hi\n\nAssistant: ho", rejected="\n\nHuman: hi\n\nAssistant: no"), "preference", "no"),
        (line(instruction="hi", output="ho"), "alpaca", None),
        (line(instruction="hi", instances=[{"input": "", "output": "ho"}]), "alpaca", None),
        (line(prompt="hi", draft="no", edited="ho"), "human_fix", "no"),
        (line(messages=[USER], draft="ho ", edited="ho"), "human_fix", None),
    ],
)  # fmt: skip
def test_a_format_is_recognised_and_gives_its_conversation(
    read: Reading, content: str, name: str, rejected: str | None, is_named: bool
) -> None:
    found = read(content, name if is_named else "auto")
    assert found.formats == {name}
    assert found.faults == []
    assert found.texts == [HI_HO]
    assert found.rows[0]["rejected"] == rejected


def test_the_tools_of_a_row_are_kept_and_a_call_is_its_canonical_json(read: Reading) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "note", "arguments": '{"b": 1, "a": 2}'}}
    spoken = {"role": "assistant", "content": "One moment.", "tool_calls": [call]}
    found = read(line(messages=[USER, spoken], tools=[TOOL]))
    assert found.texts == [
        [("user", "hi"), ("assistant", "One moment."), ("assistant", '{"arguments":{"a":2,"b":1},"name":"note"}')]
    ]
    assert json.loads(found.rows[0]["tools"]) == [TOOL]


def test_several_calls_and_the_old_function_call_are_told_too(read: Reading) -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    two = read(line(messages=[USER, {"role": "assistant", "tool_calls": [call, call]}]))
    old = read(
        line(messages=[USER, {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}])
    )
    assert json.loads(two.texts[0][-1][1]) == [{"name": "f", "arguments": {}}] * 2
    assert json.loads(old.texts[0][-1][1]) == {"name": "f", "arguments": {}}


def test_a_conversation_ends_with_the_last_answer_that_has_weight(read: Reading) -> None:
    bad = {"role": "assistant", "content": "no", "weight": 0}
    assert read(line(messages=[USER, ANSWER | {"weight": 1}, USER, bad])).texts == [HI_HO]
    assert read(line(messages=[USER, bad, USER, ANSWER | {"weight": 1}])).texts == [
        [("user", "hi"), ("assistant", "no"), *HI_HO]
    ]
    assert "weight 0" in read(line(messages=[USER, bad])).told[0]


def test_a_json_answer_in_a_pair_is_text_and_no_message(read: Reading) -> None:
    answer = '{"name": "note", "arguments": {}}'
    assert read(line(prompt='["a list"]', completion=answer)).texts == [[("user", '["a list"]'), ("assistant", answer)]]


@pytest.mark.parametrize("labels", [(True, False), ("True", "false")])
def test_a_label_of_trl_says_whether_people_like_the_completion(read: Reading, labels: tuple[object, object]) -> None:
    rows = [line(prompt="hi", completion=text, label=label) for text, label in zip(("ho", "no"), labels, strict=True)]
    found = read("\n".join([*rows, line(prompt="hi", completion="ho", label="card_lost")]))
    assert [row["liked"] for row in found.rows] == [True, False, None]
    assert [row["strata"] for row in found.rows] == [[], [], [("label", "card_lost")]]
    assert found.faults == []


def test_answers_in_different_conversations_are_no_pair(read: Reading) -> None:
    other = [USER, {"role": "assistant", "content": "hm"}, USER, ANSWER]
    found = read("\n".join([line(chosen=[USER, ANSWER, USER, ANSWER], rejected=other),
                            line(chosen=[USER, ANSWER], rejected=[USER, ANSWER, USER, NO]),
                            line(chosen=[USER, ANSWER, USER, ANSWER], rejected=[USER, ANSWER, USER, NO])]))  # fmt: skip
    assert [row["rejected"] for row in found.rows] == ["no"]
    assert [(fault.line, fault.blocking) for fault in found.faults] == [(1, False), (2, False)]
    assert "part before their last answers" in found.told[0]


def test_each_instance_of_a_task_is_a_row_of_its_own(read: Reading) -> None:
    instances = [{"input": "a", "output": "1"}, {"input": "b", "output": "2"}]
    found = read(line(id="t", instruction="count", instances=instances))
    assert found.texts == [[("user", "count\n\na"), ("assistant", "1")], [("user", "count\n\nb"), ("assistant", "2")]]
    assert [row["id"] for row in found.rows] == ["t/1", "t/2"]


def test_columns_give_a_file_luthiers_names(read: Reading) -> None:
    found = read(line(question="hi", answer="ho", kind="a"), columns={"prompt": "question", "completion": "answer"})
    assert found.texts == [HI_HO]
    assert found.rows[0]["strata"] == [("kind", "a")]


def test_a_row_without_the_date_that_columns_maps_is_refused_and_without_a_mapping_it_is_not(read: Reading) -> None:
    rows = [{"prompt": "a", "completion": "b", "seen": "2026-01-02"}, {"prompt": "c", "completion": "d"}]
    content = "\n".join(map(json.dumps, rows))
    found = read(content, columns={"date": "seen"})
    assert [str(row["collected_on"]) for row in found.rows] == ["2026-01-02"]
    assert [(fault.line, "states no date" in fault.what) for fault in found.faults] == [(2, True)]
    assert read(content).faults == []


def test_a_format_nobody_knows_is_answered_with_the_nearest_name(read: Reading) -> None:
    with pytest.raises(UnknownName) as told:
        read(line(messages=[USER, ANSWER]), "chatt")
    assert "'chat'" in str(told.value.hint)


def test_short_texts_become_strata_and_long_ones_do_not(read: Reading) -> None:
    (row,) = read(line(messages=[USER, ANSWER], metadata={"tone": "kind", "kind": 3, "long": "x" * 101}, team="b")).rows
    assert row["strata"] == [("team", "b"), ("tone", "kind")]


def test_tags_fill_the_columns_of_a_row(read: Reading) -> None:
    tags = {
        "id": "r1",
        "subject": 7,
        "lawful_basis": "consent",
        "created_at": 1767312000,
        "synthetic": True,
        "team": "c",
    }
    (row,) = read(line(messages=[USER, ANSWER], metadata=tags), group_by="team").rows
    assert (row["id"], row["subject"], row["lawful_basis"], row["synthetic"], row["group"]) == (
        "r1",
        "7",
        "consent",
        True,
        "c",
    )
    assert row["collected_on"].isoformat() == "2026-01-02"  # 1767312000 s = 20455 days of 86,400 s + 0 s
    assert row["strata"] == []


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"messages": [USER]}, "at least a question and its answer"),
        ({"messages": [USER, USER]}, "must be the assistant's"),
        ({"messages": [ANSWER, ANSWER]}, "no user message"),
        ({"messages": "hi"}, "`messages` is no list"),
        ({"messages": ["hi"]}, "a message is no object"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "none of the roles"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "holds no text"),
        (
            {"messages": [USER, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]},
            "no JSON",
        ),
        ({"messages": [USER, ANSWER], "metadata": 3}, "`metadata` is no object"),
        ({"messages": [USER, ANSWER], "tools": "x"}, "`tools` is no list"),
        ({"messages": [USER, ANSWER], "date": "soon"}, "neither ISO 8601"),
        ({"messages": [USER, ANSWER], "lawful_basis": "because"}, "lawful basis is none"),
        ({"messages": [USER, ANSWER], "consent": False}, "no consent"),
        ({"messages": [USER, ANSWER], "consent": None}, "no consent"),
        ({"messages": [USER, ANSWER], "metadata": {"training_allowed": "no"}}, "do not allow training"),
    ],
)
def test_what_is_wrong_with_a_row_is_told_at_its_line(read: Reading, row: dict[str, object], why: str) -> None:
    found = read(line(messages=[USER, ANSWER]) + "\n\n" + json.dumps(row), "chat")
    assert [(fault.line, why in fault.what) for fault in found.faults] == [(3, True)]
    assert len(found.rows) == 1
