"""One form for what may be written in several ways."""

import pytest

from luthier.data.plain import call_of, plain_figure, plain_words


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("1,200.50", "1200.5"), ("1200.5", "1200.5"), ("25000.00", "25000"), ("1.234.567", "1234567"),
        ("1.234.567,80", "1234567.8"), ("1.5", "1.5"), ("12:30", "12:30"), ("007", "007"), ("1,5", "1,5"),
    ],
)  # fmt: skip
def test_figures_lose_their_marks_and_nothing_else(written: str, plain: str) -> None:
    assert plain_figure(written) == plain


def test_polite_words_are_left_out_unless_nothing_else_is_said() -> None:
    assert plain_words("Hello, where is my card please? Thank you so much!") == ["where", "is", "my", "card"]
    assert plain_words("Thanks!") == ["thanks"]


def test_calls_are_equal_whatever_the_order_case_and_format() -> None:
    one = call_of('{"name": "Pay", "args": {"sum": 1200.50, "to": "Ann  Lee", "now": true}}')
    assert one == call_of('{"args": {"now": true, "to": "ann lee", "sum": "1,200.5"}, "name": "pay"}')
    assert one != call_of('{"name": "Pay", "args": {"sum": 1200.51, "to": "Ann Lee", "now": true}}')


def test_text_that_only_begins_like_json_is_no_call() -> None:
    assert call_of("{not json}") is None
    assert call_of("fine") is None
