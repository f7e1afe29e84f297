import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.examples import Example, Message
from luthier.evaluate.metrics import Attempt, metrics
from luthier.evaluate.metrics.text import fold, tokens

exact, f1, answered = metrics.get("exact_match"), metrics.get("f1"), metrics.get("answered")


def attempt(answer: str | None, ideal: str) -> Attempt:
    messages = (Message(role="user", content="question"), Message(role="assistant", content=ideal))
    return Attempt(answer=answer, example=Example(id="a:1", messages=messages))


@pytest.mark.parametrize("metric", [exact, f1, answered], ids=lambda metric: metric.name)
@pytest.mark.parametrize("ideal", ["", "good day", "{}"])
def test_no_answer_is_wrong_even_against_an_empty_ideal(metric: object, ideal: str) -> None:
    assert metric.score(attempt(None, ideal)) == 0.0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("answer", "ideal", "right"),
    [
        ("Good  day\n", "good day", True),
        ("STRASSE", "straße", True),
        ("ﬁne", "fine", True),  # the ligature is a compatibility form
        ("good day.", "good day", False),
        ('{"b": 1, "a": "x"}', '{"a":"x","b":1}', True),
        ('{"a": "X"}', '{"a": "x"}', False),  # values of JSON are data: case counts
        ('{"a": 1} ', '{"a": "1"}', False),
        ("[1, 2]", "[2, 1]", False),
        ('The call: {"a": 1}', '{"a": 1}', False),
        ("True", "true", True),  # a bare word is text, though JSON knows it
        ("42", "42", True),
        ('{"a": 1', '{"a": 1', True),  # no JSON: text
    ],
)
def test_exact_match_reads_json_as_json_and_text_as_text(answer: str, ideal: str, right: bool) -> None:
    assert exact.score(attempt(answer, ideal)) == right


@pytest.mark.parametrize(
    ("answer", "ideal", "expected"),
    [
        ("the cat sat", "the cat sat down", 2 * 3 / 7),  # precision 3/3, recall 3/4
        ("a a a", "a b", 2 * 1 / 5),  # a repeated word is counted once per occurrence
        ("x", "y", 0.0),
        ("", "y", 0.0),
        ("", "", 1.0),
        ("Don't", "don ' t", 1.0),
        ("3.5%", "3.5 %", 1.0),
    ],
)
def test_f1_is_the_hand_count_over_tokens(answer: str, ideal: str, expected: float) -> None:
    assert f1.score(attempt(answer, ideal)) == pytest.approx(expected)


def test_tokens_keep_marks_and_accents() -> None:
    assert tokens("Café-Bar, 3.5 €") == ["café", "-", "bar", ",", "3", ".", "5", "€"]
    assert tokens("हिन्दी") == ["हिन्दी"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_f1_is_symmetric_within_zero_and_one_and_full_for_equal_text(one: str, other: str) -> None:
    assert f1.score(attempt(one, other)) == f1.score(attempt(other, one))
    assert 0.0 <= f1.score(attempt(one, other)) <= 1.0
    assert f1.score(attempt(one, one)) == 1.0


@given(st.text(max_size=30))
def test_tokens_lose_nothing_but_space(text: str) -> None:
    assert "".join(tokens(text)) == "".join(fold(text).split())


@given(st.text(max_size=30))
def test_every_text_matches_itself(text: str) -> None:
    assert exact.score(attempt(text, text)) == 1.0
    assert answered.score(attempt(text, text)) == bool(text.strip())
