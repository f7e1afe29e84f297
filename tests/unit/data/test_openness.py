"""Openness: in dialogues one question gets many answers, and then only an answer that nobody expects is a conflict."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.compare import Sides
from luthier.data.contradictions import find_contradictions
from luthier.data.openness import Expected, openness
from luthier.domain.examples import Example, Message
from luthier.text.similarity import Space

DRINKS = "espresso latte mocha cortado macchiato cappuccino americano ristretto lungo affogato".split()  # noqa: SIM905
REPLIES = [
    "Is the order displayed right and ready to be made?",
    "Great, you may pick it up over at the bar soon.",
    "Which size would you like, small or large?",
    "Shall I add oat milk or whole milk?",
    "Anything else from our bakery this morning?",
    "What name should I write down for the cup?",
]
LAW = "The court held that the tenant was liable under the lease for damages to the premises."


def example(row_id: str, asked: str, ideal: str) -> Example:
    return Example(id=row_id, messages=(Message(role="user", content=asked), Message(role="assistant", content=ideal)))


def cafe(per_drink: int = 6) -> list[Example]:
    """Orders, each repeated, with replies that have nothing to do with each other."""
    rng = Random(1)
    rows = []
    for number, drink in enumerate(DRINKS):
        for turn, reply in enumerate(rng.sample(REPLIES, per_drink)):
            rows.append(
                example(f"{number}.{turn}", f"one {drink} to take away", f"{reply} {drink if turn % 2 else ''}")
            )
    return rows


def named(rows: list[Example]) -> set[str]:
    return {row for pair in find_contradictions(rows, near_threshold=0.85) for row in (pair.first, pair.second)}


def test_replies_of_a_dialogue_are_no_contradictions_but_one_that_no_neighbour_gets_is() -> None:
    assert named(cafe()) == set()
    asked = "may I have a glass of sparkling water with ice"
    strange = [example("usual", asked, REPLIES[1]), example("odd", asked + "!", LAW)]
    assert named([*cafe(), *strange]) == {"usual", "odd"}


def test_the_same_replies_are_contradictions_where_no_crowd_asks_the_same() -> None:
    """Two answers to each question are too few to say that questions do not decide."""
    rows = [row for row in cafe() if row.id[-1] in "01"]
    assert len(named(rows)) >= len(DRINKS)


def test_labels_conflict_however_open_the_set_is() -> None:
    rows = [*cafe(), example("a", "is my card lost", "card_lost"), example("b", "is my card lost?", "card_late")]
    assert named(rows) == {"a", "b"}


def pairs(*rows: tuple[int, int]) -> np.ndarray:
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def test_pairs_outside_of_crowds_say_nothing_about_openness() -> None:
    apart = pairs(*((2 * n, 2 * n + 1) for n in range(50)))
    found = openness(apart[:0], apart, np.ones(50, dtype=np.bool_))
    assert (found.crowded, found.is_open) == (0, False)


@pytest.mark.parametrize(("strange", "is_open"), [(2, True), (1, False)])
def test_a_tenth_of_strangers_among_twelve_crowded_pairs_makes_a_set_open(strange: int, is_open: bool) -> None:
    crowd = pairs(*((0, n) for n in range(1, 13)))
    found = openness(crowd[strange:], crowd[:strange], np.ones(strange, dtype=np.bool_))
    assert (found.crowded, found.strange, found.is_open) == (12, strange, is_open)
    assert f"{strange} of 12 pairs" in found.sentence


@given(st.permutations(range(12)))
def test_openness_does_not_depend_on_the_numbers_of_rows(order: list[int]) -> None:
    crowd = pairs(*((0, n) for n in range(1, 12)))
    moved = np.array(order, dtype=np.int64)[crowd]
    strange = np.arange(5) % 2 == 0
    assert openness(moved[5:], moved[:5], strange) == openness(crowd[5:], crowd[:5], strange)


def test_a_row_is_no_witness_of_its_own_answer() -> None:
    rows = [*cafe(2), example("odd", "one espresso to take away", LAW)]
    sides = Sides(rows)
    everyone = np.arange(len(rows))
    expected = Expected(everyone, rows, Space(sides.corpus), sides.corpus.counts)
    odd, usual = expected.likeness(pairs((0, len(rows) - 1), (0, 2)), sides.fetch)
    assert odd < 0.8 < usual
