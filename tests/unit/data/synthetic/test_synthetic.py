"""Rows that a model writes: what is asked, what is kept, and why the rest is not."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.synthetic.config import SynthesizeConfig
from luthier.data.synthetic.judge import Judging, judge_prompt, judgement
from luthier.data.synthetic.prompts import check_prompt, orders, packaged_prompt, strata_of, written
from luthier.data.synthetic.stage import Synthesis, run
from luthier.data.synthetic.validate import Validator, shingles_of
from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.errors import UserError
from luthier.variants.engines.base import EngineRequest

TOOL = ToolSpec(name="note", parameters={"type": "object", "required": ["text"], "additionalProperties": False,
                                         "properties": {"text": {"type": "string"}}})  # fmt: skip


def example(name: str, asked: str, kind: str) -> Example:
    messages = (Message(role="user", content=asked), Message(role="assistant", content="noted"))
    return Example(id=name, messages=messages, strata={"kind": kind})


SEEDS = [
    example(f"s{n}", f"please write down the colour of door number {n}", "rare" if n < 2 else "common")
    for n in range(8)
]
GOLD = [example("g", "who painted the long green wall behind the house", "common")]


class Scripted:
    """An engine that says what it is told to say, in turn."""

    def __init__(self, replies: Sequence[str | None], verdicts: Sequence[str | None] = ()) -> None:
        self.replies, self.verdicts = list(replies), list(verdicts)
        self.asked: list[EngineRequest] = []
        self.judged: list[EngineRequest] = []

    def judge(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        self.judged += requests
        told = [self.verdicts.pop(0) for _ in requests]
        return [
            Answer(text=text, error=None if text else "no reply", finish_reason="stop" if text else "error")
            for text in told
        ]

    def answer(self, requests: Sequence[EngineRequest]) -> list[Answer]:
        self.asked += requests
        told = [self.replies.pop(0) for _ in requests]
        return [
            Answer(text=text, error=None if text else "no reply", finish_reason="stop" if text else "error")
            for text in told
        ]

    def progress(self, done: int, of: int) -> None:
        """Nobody waits."""


def say(question: str, answer: object = "done") -> str:
    return json.dumps({"question": question, "answer": answer})


def made(
    replies: Sequence[str | None], *, count: int, tools: Sequence[ToolSpec] = (), verdicts: Sequence[str | None] = (),
    **config: object,
) -> tuple[Synthesis, Scripted]:  # fmt: skip
    section, engine = SynthesizeConfig.model_validate(config), Scripted(replies, verdicts)
    found = run(
        engine, section, SEEDS, [row.asked for row in SEEDS], Validator(section, tools, section.languages, GOLD),
        prompt=packaged_prompt(), task="Write things down.", tags=["kind"], tools=tools, count=count, generator="toy",
        snapshot="0" * 64, seed=1, judging=Judging("wise", judge_prompt()) if verdicts else None,
    )  # fmt: skip
    return found, engine


BAD = {
    "not_json": "Sure! Here is one.",
    "wrong_shape": json.dumps({"q": "a"}),
    "empty": say("  "),
    "exact_duplicate": say("Please  write down the COLOUR of door number 3"),
    "near_duplicate": say("please write down the colour of door number 3 today"),
    "like_gold": say("who painted the long green wall behind the house"),
    "personal_data": say("tell anna.private@firm.example that the parcel has come at last"),
    "engine_fault": None,
}


@pytest.mark.parametrize("reason", BAD)
def test_each_fault_is_counted_under_its_own_name_and_the_row_is_not_kept(reason: str) -> None:
    good = say("which birds nest under the eaves in early spring")
    found, _ = made([BAD[reason], good], count=1, attempts_per_row=2.0)
    assert (found.rejected, found.asked) == ({reason: 1}, 2)
    assert [row.question for row in found.rows] == ["which birds nest under the eaves in early spring"]


def test_a_paraphrase_of_gold_that_shares_its_runs_of_words_is_refused() -> None:
    near = say("who painted the long green wall behind the house again")
    assert made([near], count=1, attempts_per_row=1.0)[0].rejected == {"like_gold": 1}


def test_a_row_that_repeats_a_row_written_before_is_refused() -> None:
    same = say("which birds nest under the eaves in early spring")
    found, _ = made([same, same], count=2, attempts_per_row=1.0)
    assert (len(found.rows), found.rejected) == (1, {"exact_duplicate": 1})


def test_an_answer_must_be_a_call_that_the_tools_accept() -> None:
    question = "which birds nest under the eaves in {}"
    replies = [
        say(question.format("spring"), {"name": "note", "arguments": {"text": "birds"}}),
        say(question.format("high summer among swallows"), {"name": "note", "arguments": {}}),
        say(question.format("the coldest week of any winter"), {"name": "call", "arguments": {}}),
    ]
    found, engine = made(replies, count=3, attempts_per_row=1.0, tools=[TOOL])
    assert found.rejected == {"bad_arguments": 1, "unknown_tool": 1}
    assert json.loads(found.rows[0].answer)["name"] == "note"
    assert '"note"' in engine.asked[0].messages[0].content


def test_every_row_says_that_it_is_synthetic_by_whom_from_which_rows_and_by_which_prompt() -> None:
    [record] = made([say("which birds nest under the eaves in early spring")], count=1)[0].records()
    assert record["synthetic"] is True
    assert record["kind"] == "rare"  # the rarest stratum comes first
    provenance = record["provenance"]
    assert isinstance(provenance, dict)
    assert provenance["generator"] == "toy"
    assert provenance["seeds"] in (["s0", "s1"], ["s1", "s0"])
    assert len(str(provenance["prompt"])) == 12


FOUR = [
    say("which birds nest under the eaves in early spring"),
    say("how long does a candle of beeswax burn on a still evening"),
    "nonsense",
    say("why do old bridges sing when a heavy cart crosses them"),
    say("where did the glass maker learn to cut such fine stars"),
]


def test_the_judge_takes_rows_away_and_says_why_and_what_is_unclear_is_not_kept() -> None:
    verdicts = ['{"verdict": "accept", "reason": "like the real ones"}', '{"verdict": "reject"}', None, "maybe"]
    found, engine = made(FOUR, count=5, attempts_per_row=1.0, verdicts=verdicts)
    assert found.rejected == {"judge_refused": 1, "judge_unclear": 2, "not_json": 1}
    assert (found.asked, len(found.rows)) == (5, 1)
    provenance = found.records()[0]["provenance"]
    assert isinstance(provenance, dict)
    assert (provenance["judge"], provenance["judged"]) == ("wise", "like the real ones")
    assert (found.judge, found.judge_prompt) == ("wise", judge_prompt())
    assert len(engine.judged) == 4, "the judge sees what the validators let through, and nothing else"
    asked = engine.judged[0]
    assert '"which birds nest under the eaves in early spring"' in asked.messages[0].content
    assert "please write down the colour of door number" in asked.messages[0].content
    assert asked.decoding.temperature == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "accept",
        "[]",
        '"accept"',
        '{"verdict": true}',
        '{"verdict": ["accept"]}',
        '{"verdict": "accept"',
        "[" * 9_999,
    ],
)
def test_words_of_a_judge_that_are_no_verdict_keep_no_row(text: str) -> None:
    assert judgement(Answer(text=text, finish_reason="stop")).fault == "judge_unclear"


def test_the_attempts_run_out_and_fewer_rows_are_no_error() -> None:
    found, _ = made(["nonsense"] * 6, count=2, attempts_per_row=3.0)
    assert (found.rows, found.asked, found.rejected) == ((), 6, {"not_json": 6})


def test_strata_take_turns_and_the_same_seed_draws_the_same_orders() -> None:
    strata, config = strata_of(SEEDS, ["kind"]), SynthesizeConfig()
    first = orders(strata, 4, config, seed=1, first=0)
    assert [order.strata["kind"] for order in first] == ["rare", "common", "rare", "common"]
    assert orders(strata, 4, config, seed=1, first=0) == first
    assert orders(strata, 4, config, seed=2, first=0) != first


@pytest.mark.parametrize(
    ("text", "told"), [("$examples", "does not name"), ("$stratum $examples $who", "names"), ("5$ $stratum", "lone")]
)
def test_a_prompt_that_lacks_or_invents_a_name_is_refused(text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        check_prompt(text)


@given(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip))
def test_what_is_written_is_read_back(question: str, answer: str) -> None:
    found = written(f"```json\n{say(question, answer)}\n```")
    assert (found.question, found.answer, found.fault) == (question.strip(), answer.strip(), None)


@given(st.text())
def test_any_reply_is_a_row_or_has_a_fault(text: str) -> None:
    found = written(text)
    assert (found.fault is None) == bool(found.question and found.answer)


@given(st.text())
def test_a_question_resembles_itself_wholly(question: str) -> None:
    assert shingles_of(question) == shingles_of(question.upper().lower()) or question != question.upper().lower()
    assert shingles_of(question)
