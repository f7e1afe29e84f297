"""Rarity: a name or a figure weighs more than a word that every row has."""

import math
from collections import Counter
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.text import rarity
from luthier.text.rarity import Rarity, overlap

BAGS = [Counter(text.split()) for text in ("the cat", "the dog", "the 42")]
RARITY = Rarity.of(BAGS)
bags = st.lists(st.sampled_from(["the", "cat", "dog", "42", "unheard"]), min_size=1, max_size=6).map(Counter)


def test_a_word_in_one_of_three_rows_weighs_ln_4_and_one_in_all_ln_2() -> None:
    assert RARITY.weight("cat") == pytest.approx(math.log(4))
    assert RARITY.weight("the") == pytest.approx(math.log(2))


def test_the_overlap_of_two_templates_is_the_weight_of_what_they_share() -> None:
    assert overlap(BAGS[0], BAGS[1], RARITY) == pytest.approx(math.log(2) / (math.log(2) + 2 * math.log(4)))


def test_a_typing_error_costs_little_and_another_figure_costs_all() -> None:
    weights = Rarity.of([Counter(["payment", "failed"]), Counter(["hello", "there"])])
    assert overlap(Counter(["payment", "failed"]), Counter(["paymennt", "failed"]), weights) > 0.85
    assert overlap(Counter(["invoice", "1234"]), Counter(["invoice", "1235"]), weights) < 0.5


@given(bags, bags)
def test_overlap_is_between_0_and_1_and_has_no_direction_for_words_spelt_right(one: Counter, other: Counter) -> None:
    there = overlap(one, other, RARITY)
    assert 0.0 <= there <= 1.0
    assert there == pytest.approx(overlap(other, one, RARITY))
    assert overlap(one, one, RARITY) == 1.0


@given(st.text("abcde", min_size=1, max_size=9), st.text("abcdef", min_size=1, max_size=9))
def test_no_two_words_are_more_alike_than_their_letters_let_them_be(one: str, other: str) -> None:
    ratio = SequenceMatcher(None, one, other).ratio()
    assert rarity._most_alike(one, other) >= ratio or ratio < rarity._TYPO_RATIO


def test_words_of_the_same_letters_in_another_order_are_compared_all_the_same() -> None:
    bags = [Counter(text.split()) for text in ("please cancel the delivery", "please cancel the dleivery", "a b c")]
    weights = Rarity.of(bags)
    other = Counter(["please", "cancel", "the", "invoice"])
    assert overlap(bags[0], bags[1], weights) > overlap(bags[0], other, weights)
