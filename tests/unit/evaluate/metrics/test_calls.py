import json

import pytest

from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example, Message
from luthier.errors import UserError
from luthier.evaluate.metrics import Attempt, metrics

TOOLS = (
    ToolSpec(name="book", parameters={"type": "object", "properties": {"seats": {"type": "integer"}}}),
    ToolSpec(name="play", parameters={"type": "object"}),
)
IDEAL = {"name": "book", "arguments": {"seats": 2, "town": "Bonn", "at": {"day": "Monday"}}}


def score(metric: str, answer: object, ideal: object = IDEAL) -> float:
    text = answer if isinstance(answer, str) or answer is None else json.dumps(answer)
    messages = (Message(role="user", content="question"), Message(role="assistant", content=json.dumps(ideal)))
    return metrics.get(metric).score(Attempt(answer=text, example=Example(id="a:1", messages=messages), tools=TOOLS))


def book(**arguments: object) -> dict[str, object]:
    return {"name": "book", "arguments": arguments}


@pytest.mark.parametrize("metric", ["valid_call", "schema_valid", "tool_name", "argument_f1"])
@pytest.mark.parametrize("answer", [None, "", "book two seats", "{}"])
def test_what_is_no_call_scores_nothing(metric: str, answer: str | None) -> None:
    assert score(metric, answer) == 0.0
    assert score("invalid_call", answer) == 1.0


def test_invalid_is_exactly_what_is_not_valid() -> None:
    for answer in (IDEAL, book(seats="two"), {"name": "sing", "arguments": {}}, None):
        assert score("valid_call", answer) + score("invalid_call", answer) == 1.0
        assert score("schema_valid", answer) == score("valid_call", answer)


def test_invalid_calls_are_better_when_fewer() -> None:
    assert not metrics.get("invalid_call").wants_high
    assert metrics.get("valid_call").wants_high


def test_the_tool_counts_whatever_the_arguments() -> None:
    assert score("tool_name", book(seats="two")) == 1.0
    assert score("valid_call", book(seats="two")) == 0.0
    assert score("tool_name", {"name": "play", "arguments": {}}) == 0.0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (IDEAL, 1.0),
        (book(seats=2, town="Bonn"), 2 * 2 / (2 + 3)),
        (book(seats=2, town="Köln", at={"day": "Monday"}), 2 * 2 / (3 + 3)),
        (book(seats=2, town="Bonn", at={"day": "Monday"}, extra=None), 2 * 3 / (4 + 3)),
        (book(seats=2, town="Bonn", at="Monday"), 2 * 2 / (3 + 3)),
        (book(), 0.0),
        ({"name": "play", "arguments": IDEAL["arguments"]}, 0.0),
    ],
)
def test_argument_f1_counts_place_and_value(answer: object, expected: float) -> None:
    assert score("argument_f1", answer) == pytest.approx(expected)


def test_two_calls_without_arguments_agree_and_order_in_a_list_does_not_matter() -> None:
    assert score("argument_f1", book(), ideal=book()) == 1.0
    assert score("argument_f1", book(tags=["a", "b"]), ideal=book(tags=["b", "a"])) == 1.0
    assert score("argument_f1", book(tags=["a", "a"]), ideal=book(tags=["a", "b"])) == 0.5


@pytest.mark.parametrize("metric", ["tool_name", "argument_f1"])
def test_an_ideal_that_is_no_call_is_a_fault_of_the_data(metric: str) -> None:
    with pytest.raises(UserError, match="ideal answer is no call"):
        score(metric, IDEAL, ideal={"tool": "book"})
