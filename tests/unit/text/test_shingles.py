"""Signatures: alike rows meet, others rarely."""

from random import Random

import numpy as np

from luthier.text.rarity import Rarity, overlap
from luthier.text.shingles import bag_of, band_keys, candidate_pairs

WORDS = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(600)]


def texts(rng: Random, count: int) -> list[str]:
    return [" ".join(rng.choices(WORDS, k=24)) for _ in range(count)]


def test_rows_that_lost_one_word_of_24_are_found_in_99_of_100_cases() -> None:
    rng = Random(5)
    originals = texts(rng, 300)
    copies = [" ".join(text.split()[1:]) for text in originals]
    bags = [bag_of(text) for text in originals + copies]
    pairs = {tuple(pair) for pair in candidate_pairs(band_keys(bags, Rarity.of(bags))).tolist()}
    found = sum((place, place + 300) in pairs for place in range(300))
    assert found >= 297


def test_few_unrelated_rows_become_candidates() -> None:
    bags = [bag_of(text) for text in texts(Random(6), 400)]
    rarity = Rarity.of(bags)
    assert max(overlap(bags[0], bag, rarity) for bag in bags[1:]) < 0.3
    assert len(candidate_pairs(band_keys(bags, rarity))) < 0.01 * 400 * 399 / 2


def test_with_sides_only_pairs_across_are_given() -> None:
    bags = [bag_of("one two three four")] * 6
    side = np.array([True, True, False, False, False, False])
    pairs = candidate_pairs(band_keys(bags, Rarity.of(bags)), side)
    assert len(pairs) == 2 * 4
    assert all(side[one] != side[other] for one, other in pairs)


def test_a_crowd_of_equal_rows_stays_linked_without_all_its_pairs() -> None:
    bags = [bag_of("same words here again")] * 500
    pairs = candidate_pairs(band_keys(bags, Rarity.of(bags)))
    assert len(pairs) < 500 * 10
    assert {other for one, other in pairs.tolist() if one == 0} >= set(range(1, 500))


def test_no_rows_and_empty_rows_give_keys_too() -> None:
    assert band_keys([], Rarity.of([])).shape[0] == 0
    assert len(candidate_pairs(band_keys([bag_of(""), bag_of("")], Rarity.of([])))) == 1
