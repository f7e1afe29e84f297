"""The model of rephrasing: synonyms cover each other, figures and answers count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.text.rarity import Rarity
from luthier.text.rephrasing import Likeness, Wording, chance, coverage, likeness

RARITY = Rarity({}, 1.0)
LIKE = Likeness(contrast=0.5, covered=0.5, other_figures=0, answer_told=0, overlap=0, answer_overlap=0)
sentences = st.lists(st.sampled_from("refund money card giraffe 12 purchase not".split()), min_size=1, max_size=6)  # noqa: SIM905


def wording(text: str) -> Wording:
    return Wording(tuple(text.split()))


def test_words_of_like_meaning_cover_each_other_and_strangers_do_not() -> None:
    both = coverage(wording("buy car"), wording("purchase automobile"), RARITY)
    assert min(both) > 0.5
    assert max(coverage(wording("buy car"), wording("giraffe sonata"), RARITY)) < 0.2


def test_a_longer_question_is_covered_less_than_it_covers() -> None:
    short, long = coverage(wording("lost card"), wording("lost card giraffe sonata"), RARITY)
    assert short == pytest.approx(1)
    assert long == pytest.approx(0.5, abs=0.1)


def test_an_equal_rare_answer_raises_the_chance_and_other_figures_lower_it() -> None:
    assert chance(LIKE._replace(answer_told=1)) > chance(LIKE) > chance(LIKE._replace(other_figures=1))


@given(sentences, sentences)
def test_the_chance_has_no_direction_and_lies_between_0_and_1(one: list[str], other: list[str]) -> None:
    given_ = {"contrast": 0.3, "answer_told": 0.0, "answer_overlap": 0.0}
    there = likeness(Wording(tuple(one)), Wording(tuple(other)), RARITY, **given_)
    back = likeness(Wording(tuple(other)), Wording(tuple(one)), RARITY, **given_)
    assert 0 < chance(there) < 1
    assert chance(there) == pytest.approx(chance(back))
