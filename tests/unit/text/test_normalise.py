"""Folding: what a reader would not call a difference is none."""

from hypothesis import given
from hypothesis import strategies as st

from luthier.text.normalise import fold, visible, words


def test_case_spacing_width_and_invisible_characters_are_folded_away() -> None:
    assert fold("  \uff28ello\u200b \n WORLD\u00ad ") == "hello world"


def test_look_alike_letters_count_as_the_letters_they_look_like() -> None:
    assert fold("\u0440\u0430yp\u0430l") == fold("paypal")


def test_figures_keep_their_points_and_commas_and_punctuation_is_no_word() -> None:
    assert words("Pay 1,250.50 EUR - today!") == ["pay", "1,250.50", "eur", "today"]


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=60), st.data())
def test_a_visible_stretch_maps_to_the_stretch_of_the_original_that_shows_it(text: str, data: st.DataObject) -> None:
    shown = visible(text)
    if not shown.text:
        return
    start = data.draw(st.integers(0, len(shown.text) - 1))
    end = data.draw(st.integers(start + 1, len(shown.text)))
    first, last = shown.span_in_original(start, end)
    assert visible(text[first:last]).text == shown.text[start:end]
