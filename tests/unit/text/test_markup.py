"""Mark-up: what a person sees is kept, the rest goes, in one pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.text.markup import has_markup, text_of_html


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>two &amp; <b>three</b></p>", "One\n\ntwo & three"),
        ("a<br/>b", "a\nb"),
        ("<ul><li>x</li><li>y</li></ul>", "- x\n\n- y"),
        ("<style>p {}</style><script>if (a < b) {}</script>seen<!-- not -->", "seen"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<a href='x'>link</a>", "link"),
        ("cut <b", "cut <b"),
        ("<script>never closed", ""),
    ],
)
def test_html_is_told_as_it_is_seen(markup: str, text: str) -> None:
    assert text_of_html(markup) == text


@given(st.text("ab<>/!- &;\n", max_size=60))
def test_any_text_is_got_through(text: str) -> None:
    assert len(text_of_html(text)) <= len(text) + 4 * text.count("<")


@pytest.mark.parametrize("text", ["<" * 200_000, "<!--" * 100_000, "<script>" * 50_000, "<a " * 100_000])
def test_a_heap_of_open_tags_takes_no_time(text: str) -> None:
    assert len(text_of_html(text)) <= len(text)
    assert not has_markup(text) or "<script>" in text


@pytest.mark.parametrize(
    ("text", "is_markup"),
    [("<p>x</p>", True), ("a < b > c", False), ("<p> only once", False), ("<EMAIL_ADDRESS> <PERSON>", False)],
)
def test_two_known_tags_make_mark_up(text: str, is_markup: bool) -> None:
    assert has_markup(text) is is_markup
