"""Cleaning: noise goes with its reason, text keeps its meaning, and both are counted."""

import json
from typing import Any

import pytest

from luthier.data.clean import Cleaner, LineCounts, clean, count_lines
from luthier.data.clean.targets import why_target_fails
from luthier.data.config import CleanConfig
from luthier.data.readers import Fault, Origin, parts_of_bytes, read_part
from luthier.data.rows import SCHEMA
from luthier.domain.examples import Example, Message


def example(asked: str, ideal: str, row_id: str = "r", **strata: str) -> Example:
    messages = (Message(role="user", content=asked), Message(role="assistant", content=ideal))
    return Example(id=row_id, messages=messages, strata=strata, source="a")


def batch_of(*rows: dict[str, Any], name: str = "chat") -> Any:
    origin = Origin(source="a", lawful_basis="contract")
    (part,) = parts_of_bytes("a.jsonl", "\n".join(json.dumps(row) for row in rows).encode())
    (item,) = [item.content for item in read_part(part, name, origin)]
    assert not isinstance(item, Fault)
    return item


def chat(*turns: tuple[str, str], **more: object) -> dict[str, object]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **more}


@pytest.mark.parametrize(
    ("asked", "ideal", "reason"),
    [
        (" \u200b\n", "ho", "empty_question"),
        ("hi", "  ", "empty_answer"),
        ("caf\ufffd", "ho", "garbled"),
        ("the same long sentence, twice", "The same  long sentence, twice", "echo"),
        ("x" * 200_001, "ho", "too_long"),
        ("hi", '{"name": "note", "arguments": {"a": ', "truncated_answer"),
        ("hi", "Run this:\n```\nls", "truncated_answer"),
    ],
)
def test_noise_is_left_out_with_its_reason(asked: str, ideal: str, reason: str) -> None:
    (dropped,) = clean([example(asked, ideal)]).dropped
    assert dropped.reason == reason


@pytest.mark.parametrize(
    "ideal", ["card_arrival", "Use `ls`.", "Run ```ls``` now", "{see below}", '{"a": "```"}', "a {b} [c"]
)
def test_answers_that_only_look_cut_stay(ideal: str) -> None:
    assert clean([example("hi", ideal)]).dropped == ()


@pytest.mark.parametrize(
    ("settings", "asked", "ideal", "reason"),
    [
        ({"min_answer_characters": 3}, "hi", "ho", "answer_too_short"),
        ({"max_answer_characters": 3}, "hi", "hoho", "answer_too_long"),
        ({"languages": ["de"]}, "Where is the card that I ordered?", "It is on its way to you.", "language"),
        (
            {"truncated_answers": "likely"},
            "hi",
            "All is well. " * 30 + "And then the man went to the house of the",
            "truncated_answer",
        ),
    ],
)
def test_what_a_project_asks_for_is_left_out(settings: dict[str, object], asked: str, ideal: str, reason: str) -> None:
    (dropped,) = clean([example(asked, ideal)], CleanConfig.model_validate(settings)).dropped
    assert dropped.reason == reason
    assert clean([example(asked, ideal)]).dropped == ()


def test_rows_whose_language_is_unsure_stay() -> None:
    assert clean([example("12345", "OK")], CleanConfig(languages=("de",))).dropped == ()


def test_an_answer_that_its_own_row_says_was_cut_is_left_out() -> None:
    assert clean([example("hi", "ho", finish_reason="length")]).dropped[0].reason == "truncated_answer"
    assert clean([example("hi", "ho", finish_reason="stop")]).dropped == ()


def test_text_is_tidied_without_losing_lines_or_letters() -> None:
    (kept,) = clean([example("  a\r\nb\x00\tcafe\u0301 ", "\u00fc")]).kept
    assert (kept.asked, kept.ideal) == ("a\nb\tcaf\u00e9", "\u00fc")


def test_a_clean_row_is_not_touched_and_each_change_is_counted_by_row() -> None:
    rows = [
        example("hi", "ho", "a"),
        example("caf\u00c3\u00a9 ", "na\u00c3\u00afve", "b"),
        example("e\u0301", "ho", "c"),
    ]
    told = clean(rows)
    assert told.kept[0] == rows[0]
    assert told.kept[1].messages[0].content == "caf\u00e9"
    assert told.changes == {"mojibake": 1, "spacing": 1, "unicode": 1}


MAIL = "<p>Is it <b>ready</b>?</p><p>On Mon, 2 Feb 2026 at 10:00 Desk &lt;d@x.example&gt; wrote:</p>&gt; Soon."


def test_mark_up_quoted_tails_and_signatures_are_cut_only_where_asked_for() -> None:
    row = example(
        "Is it ready?\n\n-- \nAnn\n\nOn Mon, 2 Feb 2026 at 10:00 Desk <d@x.example> wrote:\n> Soon.",
        "Yes.\n\nBest regards,\nTom",
    )
    assert clean([row]).kept[0] == row
    config = CleanConfig(quoted_tails=True, signatures=True, mark_up=True)
    told = clean([row, example(MAIL, "Yes.", "m")], config)
    assert [(one.asked, one.ideal) for one in told.kept] == [("Is it ready?", "Yes."), ("Is it ready?", "Yes.")]
    assert told.changes == {"mark_up": 1, "quoted_tail": 2, "signature": 1}


def test_a_mail_that_only_quotes_keeps_its_text() -> None:
    row = example("> Soon.\n> Or later.", "Which?")
    assert clean([row], CleanConfig(quoted_tails=True)).kept == (row,)


FOOTER = "This message is confidential and meant for you alone."


def test_lines_in_a_large_share_of_a_source_are_cut_where_asked_for() -> None:
    rows = [example(f"Question {n} about things\n{FOOTER}", f"ho {n}", f"r{n}") for n in range(30)]
    rows.append(example(FOOTER, "What do you want to say?", "alone"))
    assert clean(rows).changes == {}
    told = clean(rows, CleanConfig(boilerplate_share=0.5))
    assert told.kept[3].asked == "Question 3 about things"
    assert told.kept[-1].asked == FOOTER
    assert told.changes == {"boilerplate": 30}


def test_lines_counted_apart_are_counted_together() -> None:
    batch = batch_of(*(chat(("user", f"Question {n} is this\n{FOOTER}"), ("assistant", "ho")) for n in range(40)))
    parts = [LineCounts(), LineCounts()]
    count_lines(batch.slice(0, 15), parts[0])
    count_lines(batch.slice(15), parts[1])
    parts[0].merge(parts[1])
    whole = LineCounts()
    count_lines(batch, whole)
    assert parts[0].boilerplate(0.5) == whole.boilerplate(0.5)
    assert len(whole.boilerplate(0.5)["a"]) == 1


def test_a_batch_is_cleaned_as_its_rows_are() -> None:
    rows = [
        chat(("user", " hi\x00 "), ("assistant", "ho")),
        chat(("user", ""), ("assistant", "ho")),
        chat(("user", "hi"), ("assistant", "b")),
    ]
    told = Cleaner(CleanConfig()).clean(batch_of(*rows))
    assert told.kept.schema == SCHEMA
    told.kept.validate(full=True)
    assert told.kept["id"].to_pylist() == ["a.jsonl:1", "a.jsonl:3"]
    assert told.kept["messages"].to_pylist()[0][0] == {"role": "user", "content": "hi"}
    assert [(one.id, one.reason) for one in told.dropped] == [("a.jsonl:2", "empty_question")]
    assert told.changes == {"unicode": 1}


def test_a_slice_of_a_batch_is_cleaned_as_that_slice() -> None:
    batch = batch_of(*(chat(("system", "s"), ("user", f"q{n}"), ("assistant", f"a{n}")) for n in range(6)))
    told = Cleaner(CleanConfig()).clean(batch.slice(2, 3))
    assert [row[1]["content"] for row in told.kept["messages"].to_pylist()] == ["q2", "q3", "q4"]


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([("user", "a"), ("system", "s"), ("assistant", "b")], "system_not_first"),
        ([("user", "a"), ("tool", "t"), ("assistant", "b")], "tool_without_call"),
        ([("system", "s"), ("user", "a"), ("assistant", "c"), ("tool", "t"), ("assistant", "b")], None),
    ],
)
def test_turns_out_of_order_are_left_out(turns: list[tuple[str, str]], reason: str | None) -> None:
    told = Cleaner(CleanConfig()).clean(batch_of(chat(*turns)))
    assert [one.reason for one in told.dropped] == ([reason] if reason else [])


PARAMETERS = {"type": "object", "properties": {"firm": {"type": "string", "pattern": "^(a+)+$"}}, "required": ["firm"]}
TOOLS = json.dumps([{"type": "function", "function": {"name": "note", "parameters": PARAMETERS}}])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I noted it.", None),
        ('{"name":"note","arguments":{"firm":"Ada"}}', None),
        ('[{"name":"note","arguments":{"firm":"Ada"}},{"name":"note","arguments":{}}]', "bad_arguments"),
        ('{"name":"note","arguments":{"firm":7}}', "bad_arguments"),
        ('{"name":"nota","arguments":{"firm":"Ada"}}', "unknown_tool"),
        ('{"name":"note","arguments":{"firm":"' + "a" * 60 + '!"}}', None),  # its pattern would take for ever
    ],
)
def test_a_call_is_held_against_the_tools_of_its_row(answer: str, reason: str | None) -> None:
    assert why_target_fails(answer, TOOLS) == reason
    row = chat(("user", "hi"), ("assistant", answer), tools=json.loads(TOOLS))
    dropped = Cleaner(CleanConfig()).clean(batch_of(row)).dropped
    assert [one.reason for one in dropped] == ([reason] if reason else [])
    assert Cleaner(CleanConfig(check_targets=False)).clean(batch_of(row)).dropped == ()


GOOD, WRONG = '{"name":"note","arguments":{"firm":"Ada"}}', '{"name":"note","arguments":{"firm":7}}'


@pytest.mark.parametrize(("unwanted", "broken"), [(GOOD, 0), (WRONG, 1), ("I noted it.", 0)])
def test_an_unwanted_answer_that_breaks_its_tools_is_counted_and_its_row_stays(unwanted: str, broken: int) -> None:
    tools = json.loads(TOOLS)
    chosen = GOOD.replace("Ada", "Bea")
    pair = {"prompt": "hi", "chosen": chosen, "rejected": unwanted, "tools": tools}
    judged = {"prompt": "hi", "completion": unwanted, "label": False, "tools": tools}
    for row in (pair, judged):
        cleaned = Cleaner(CleanConfig()).clean(batch_of(row, name="auto"))
        assert (cleaned.kept.num_rows, cleaned.broken_unwanted) == (1, broken)
        assert Cleaner(CleanConfig(check_targets=False)).clean(batch_of(row, name="auto")).broken_unwanted == 0


@pytest.mark.parametrize(
    ("answer", "reason"), [('{"firm": "Ada"}', None), ('{"firm": 7}', "breaks_schema"), ("Ada", "not_json")]
)
def test_an_answer_that_must_be_json_is_held_against_its_schema(answer: str, reason: str | None) -> None:
    assert (
        why_target_fails(answer, json.dumps({"json_schema": {"name": "x", "schema": PARAMETERS}}).replace(": ", ":"))
        == reason
    )


@pytest.mark.parametrize("tools", ["[{}]", "[3]", '"x"', '[{"name":"f","parameters":{"type":"nonsense"}}]',
                                   '{"json_schema":{"schema":{"$ref":"#"}}}'])  # fmt: skip
def test_tools_that_are_none_are_told(tools: str) -> None:
    assert why_target_fails("{}", tools) == "bad_tools"
