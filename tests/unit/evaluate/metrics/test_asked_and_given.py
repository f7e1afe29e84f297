"""Metrics of what an answer claims, refuses, leaks, cites, costs and repeats."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.answers import Answer
from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.domain.money import Money
from luthier.evaluate.metrics import Attempt, metrics
from luthier.evaluate.metrics.grounded import claims_of, supports
from luthier.evaluate.metrics.refusal import refuses

BOOK = ToolSpec(
    name="book",
    parameters={"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string"}, "seats": {"type": "number", "default": 1}, "tags": {"type": "array"}}},
)  # fmt: skip


def row(answer: str | None, ideal: str = "yes", asked: str = "q", **more: object) -> Attempt:
    messages = (Message(role="user", content=asked), Message(role="assistant", content=ideal))
    strata = more.pop("strata", {})
    example = Example(id="1", messages=messages, strata=strata)  # type: ignore[arg-type]
    return Attempt(answer=answer, example=example, **more)  # type: ignore[arg-type]


def score(name: str, attempt: Attempt) -> float | None:
    return metrics.get(name).score(attempt)


def call(**arguments: object) -> str:
    return json.dumps({"name": "book", "arguments": arguments})


@pytest.mark.parametrize(
    ("answer", "ideal", "matches"),
    [
        (call(city="New York"), call(city="new york"), True),
        (call(city="Paris", seats=1), call(city="Paris"), True),  # the tool's own default
        (call(city="Paris", seats=2), call(city="Paris"), False),
        (call(city="Paris"), call(city="Paris", tags=[]), True),
        (call(seats=1), call(city="Paris", seats=1), False),  # what is required is missing
        (call(city="Paris", seats=2), call(city="Paris", seats=2.0), True),
        (call(city="Paris", seats=2.0), call(city="Paris", seats=2), False),
        (call(city="Paris", seats=True), call(city="Paris", seats=1), False),
        (call(city="Paris", tags=["a", "b"]), call(city="Paris", tags=["b", "a"]), False),
        ("not a call", call(city="Paris"), False),
    ],
)
def test_a_call_matches_by_bfcls_rules(answer: str, ideal: str, *, matches: bool) -> None:
    assert bool(score("call_match", row(answer, ideal, tools=(BOOK,)))) is matches


def test_slots_are_counted_whatever_tool_was_called() -> None:
    other = ToolSpec(name="other", parameters={"type": "object"})
    got = json.dumps({"name": "other", "arguments": {"city": "Paris", "seats": 3}})
    attempt = row(got, call(city="Paris", seats=2), tools=(BOOK, other))
    assert score("slot_f1", attempt) == pytest.approx(0.5)
    assert score("argument_f1", attempt) == 0.0


@pytest.mark.parametrize(
    ("text", "is_valid"), [('{"a": 1}', 1), ("[1, 2]", 1), ('Sure: {"a": 1}', 0), ('{"a": NaN}', 0), (None, 0)]
)
def test_json_is_valid_when_the_whole_answer_is(text: str | None, is_valid: int) -> None:
    assert score("json_valid", row(text)) == is_valid


def test_keys_match_looks_at_kinds_and_skips_rows_that_are_no_object() -> None:
    ideal = '{"name": "Ada", "age": 36}'
    assert score("keys_match", row('{"age": 1.5, "name": ""}', ideal)) == 1
    assert score("keys_match", row('{"age": "1", "name": ""}', ideal)) == 0
    assert score("keys_match", row("anything", "plain text")) is None


def test_refusal_is_measured_where_it_is_due_and_over_refusal_elsewhere() -> None:
    no, yes = "I'm sorry, but I can't help with that.", "Use kill followed by the process id."
    due, not_due = {"expects": "refusal"}, {"expects": "answer"}
    assert score("refusal_rate", row(no, strata=due)) == 1
    assert score("refusal_rate", row(yes, strata=due)) == 0
    assert score("refusal_rate", row(no, strata=not_due)) is None
    assert score("over_refusal_rate", row(no, strata=not_due)) == 1
    assert score("over_refusal_rate", row(yes, strata=not_due)) == 0
    assert score("over_refusal_rate", row(no, strata=due)) is None
    assert score("refusal_rate", row(yes, ideal="I cannot help with that.")) == 0  # the ideal says what is due


@pytest.mark.parametrize(
    "text",
    [None, "", "Sorting a list is easy.", "No problem: restart it.", "You cannot park here, but there is a garage."],
)
def test_an_answer_that_helps_or_none_is_no_refusal(text: str | None) -> None:
    assert not refuses(text)


def test_a_claim_with_a_figure_or_name_that_nobody_gave_is_unsupported() -> None:
    source = "The patient is a twenty-six year old woman seen by Dr. Miller for back pain that began in March."
    [right] = supports("She is 26 and saw Miller for pain in her back.", [source])
    [wrong_figure] = supports("She is 62 and saw Miller for pain in her back.", [source])
    [wrong_name] = supports("She is 26 and saw Hansen for pain in her back.", [source])
    assert right >= 0.6 > wrong_figure
    assert wrong_name < 0.6


@pytest.mark.parametrize(
    ("spoken", "figure"),
    [("twenty six", "26"), ("nineteen eighty four", "1984"), ("two thousand nine", "2009"), ("three thousand", "3000")],
)
def test_a_figure_told_in_words_stands_in_digits(spoken: str, figure: str) -> None:
    [right], [wrong] = (
        supports(f"It was {figure}.", [f"It was {spoken}."]),
        supports("It was 77.", [f"It was {spoken}."]),
    )
    assert right == 1.0
    assert wrong < 0.6


def test_hallucination_counts_claims_and_no_answer_is_all_of_them() -> None:
    attempt = row(
        "The shop opens at 9. It sells 40 kinds of cheese.", ideal="At nine.", asked="The shop opens at 9. When?"
    )
    assert score("hallucination_rate", attempt) == 0.5
    assert score("hallucination_rate", row(None)) == 1.0
    assert score("groundedness", row(None)) == 0.0
    assert score("unsupported_figures", attempt) == 0.5


@given(st.text(max_size=200), st.text(max_size=200))
def test_support_is_between_zero_and_one_for_any_text(answer: str, source: str) -> None:
    found = supports(answer, [source])
    assert len(found) == len(claims_of(answer))
    assert all(0.0 <= each <= 1.0 + 1e-9 for each in found)


@given(st.text("abcdefgh 123.", min_size=1, max_size=80))
def test_what_is_repeated_is_supported(text: str) -> None:
    assert all(each == pytest.approx(1.0) for each in supports(text, [text]))


def test_personal_data_leaks_unless_the_row_gave_it() -> None:
    assert score("pii_leak", row("Write to ada@lovelace.org.")) == 1
    assert score("pii_leak", row("Write to ada@lovelace.org.", asked="Mail me: ada@lovelace.org")) == 0
    assert score("pii_leak", row("Write to us.")) == 0


def test_a_citation_is_right_when_it_was_shown_and_says_so() -> None:
    shown = {"reply": Answer(text="", sources=("returns.md#1", "hours.md#1")),
             "passages": ("Goods may be returned within 30 days.", "We open at nine.")}  # fmt: skip
    assert score("citation_correct", row("Goods may be returned within 30 days [returns.md#1].", **shown)) == 1.0
    assert score("citation_correct", row("Goods may be returned within 30 days [1].", **shown)) == 1.0
    assert score("citation_correct", row("Goods may be returned within 30 days [hours.md#1].", **shown)) == 0.0
    assert score("citation_correct", row("Goods may be returned within 30 days [made-up.md].", **shown)) == 0.0
    assert score("citation_correct", row("Goods may be returned within 30 days.", **shown)) == 0.0
    assert score("citation_correct", row("Anything.")) is None  # nothing was retrieved


def test_what_an_answer_took_is_what_the_engine_measured() -> None:
    reply = Answer(text="x", latency_seconds=1.5, completion_tokens=7, cost=Money(amount=Decimal("0.002")))
    attempt = row("x", reply=reply)
    assert [score(name, attempt) for name in ("latency_seconds", "answer_tokens", "cost")] == [1.5, 7.0, 0.002]
    assert score("latency_seconds", row("x")) is None
    assert metrics.get("latency_seconds").measure([1.0, 30.0]).high > 30.0  # seconds have no ceiling of 1


def test_answers_are_consistent_as_far_as_pairs_agree() -> None:
    assert score("consistency", row("Yes", repeats=("yes ", "no"))) == pytest.approx(1 / 3)
    assert score("consistency", row(None, repeats=(None, None))) == 0.0
    assert score("consistency", row("Yes")) is None


def test_a_likeness_of_words_knows_synonyms_and_itself() -> None:
    near, far = (
        score("bertscore", row(answer, ideal="the car is quick"))
        for answer in ("the automobile is fast", "the cat is asleep")
    )
    assert near is not None
    assert far is not None
    assert near > far
    assert score("bertscore", row("the car is quick", ideal="the car is quick")) == pytest.approx(1.0)


def test_every_metric_says_how_it_is_made() -> None:
    recipes = {name: metrics.get(name).recipe for name in metrics}
    assert len(recipes) >= 25
    assert {name: recipe for name, recipe in recipes.items() if len(recipe.says) < 20} == {}
    assert recipes["rougeL"].source.startswith("Lin, ROUGE")
