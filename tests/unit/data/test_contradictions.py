"""Contradictions: conflicts are found with their reason, explained differences are none."""

import numpy as np
import pytest

from luthier.data.contradictions import find_contradictions, refuse, worth_comparing
from luthier.domain.examples import Example, Message
from luthier.errors import Refused


def example(row_id: str, asked: str, ideal: str) -> Example:
    return Example(id=row_id, messages=(Message(role="user", content=asked), Message(role="assistant", content=ideal)))


FILLER = [
    example(f"f{i}", f"Mail about {name}, who would like news on order {i}{i}7", f"news {i}{i}7")
    for i, name in enumerate(["Petra", "Jonas", "Ravi", "Mina", "Olga", "Hugo", "Ines", "Leon", "Kofi", "Yara"])
]
LETTER = "Hello, with Raven Security we come to an end at last, the deal in question is as good as done today."
LONG = "You may send goods back within 30 days when the box is whole, and we then return the price to your account."
PAIRS = {
    "calls": (LETTER, '{"stage": "won"}', LETTER + " Great!", '{"stage": "lost"}', "nearly the same"),
    "labels": ("is the card lost", "card_lost", "Is the card lost?", "card_late", "the labels differ"),
    "figures": ("how long?", LONG, "how long", LONG.replace("30", "14"), "different figures"),
    "denial": ("may I?", LONG, "may I", LONG.replace("may send", "may not send"), "denies"),
    "strangers": (
        "and now?",
        LONG,
        "and now",
        "Our office opens at nine on most weekdays.",
        "next to nothing",
    ),
}
COMPATIBLE = {
    "explained": ("book a call on Monday please, all", '{"d": "Monday"}', "book a call on Friday please, all",
                  '{"d": "Friday"}'),
    "wording": ("how long?", LONG, "how long", LONG.replace("whole", "undamaged")),
    "another firm": (LETTER, '{"stage": "won"}', LETTER.replace("Raven Security", "Drake Motors"), '{"stage": "lost"}'),
    "a figure more": ("how long?", LONG, "how long", LONG + " Parcels from abroad take 45 days."),
    "a figure twice": ("how long?", LONG, "how long", LONG + " So 30 days."),
    "case copied": ("play on Netflix", '{"on": "Netflix"}', "play on netflix", '{"on": "netflix"}'),
    "same": ("hi", '{"a": 1, "b": 2}', "hi", '{"b": 2, "a": 1}'),
}  # fmt: skip


@pytest.mark.parametrize("kind", PAIRS)
def test_conflicting_answers_to_one_question_are_named_with_the_reason(kind: str) -> None:
    asked, ideal, again, other, reason = PAIRS[kind]
    (found,) = find_contradictions(
        [*FILLER, example("a", asked, ideal), example("b", again, other)], near_threshold=0.85
    )
    assert (found.first, found.second) == ("a", "b")
    assert reason in found.reason
    with pytest.raises(Refused, match="a and b"):
        refuse([found])


@pytest.mark.parametrize("kind", COMPATIBLE)
def test_answers_that_may_both_be_right_are_no_contradiction(kind: str) -> None:
    asked, ideal, again, other = COMPATIBLE[kind]
    rows = [*FILLER, example("a", asked, ideal), example("b", again, other)]
    assert find_contradictions(rows, near_threshold=0.85) == ()
    refuse([])


def test_a_word_of_thanks_hides_no_conflict_in_a_short_question() -> None:
    rows = [
        *FILLER,
        example("a", "is my card lost", "card_lost"),
        example("b", "is my card lost? Thanks!", "card_late"),
    ]
    assert len(find_contradictions(rows, near_threshold=0.85)) == 1


def test_two_neighbours_that_changed_places_hide_no_conflict_and_a_swapped_route_is_none() -> None:
    swapped = [
        *FILLER,
        example("a", "my card was lost today", "card_lost"),
        example("b", "my card lost was today", "late"),
    ]
    assert len(find_contradictions(swapped, near_threshold=0.85)) == 1
    route = [
        *FILLER,
        example("a", "fly from Rome to Oslo", "rome_oslo"),
        example("b", "fly from Oslo to Rome", "oslo_rome"),
    ]
    assert find_contradictions(route, near_threshold=0.85) == ()


def test_formats_of_numbers_and_polite_words_make_no_conflict() -> None:
    rows = [
        *FILLER,
        example("a", "what is the fee", '{"fee": "1,200.50"}'),
        example("b", "what is the fee, please?", '{"fee": 1200.5}'),
    ]
    assert find_contradictions(rows, near_threshold=0.85) == ()


def test_two_long_answers_that_both_speak_of_the_question_may_both_be_right() -> None:
    one = "Asthma makes the airways narrow and swell, so that breathing out becomes hard and whistling sounds may come."
    other = "Doctors call it asthma when a long inflammation of bronchial tubes leads to cough at night or after sport."
    rows = [*FILLER, example("a", "asthma?", one), example("b", "Asthma", other)]
    assert find_contradictions(rows, near_threshold=0.85) == ()


def test_the_reason_shows_what_differs() -> None:
    rows = [
        *FILLER,
        example("a", "close the deal", '{"name": "set", "arguments": {"stage": "won", "sum": 5}}'),
        example("b", "Close the deal!", '{"name": "set", "arguments": {"stage": "lost", "sum": 5}}'),
    ]
    (found,) = find_contradictions(rows, near_threshold=0.85)
    assert found.reason == 'the questions are the same, but the calls differ in arguments.stage: "won" and "lost"'


def test_of_one_question_the_first_row_is_paired_with_every_row_that_answers_differently() -> None:
    questions = np.array([7, 9, 7, 7, 9], dtype=np.uint64)
    answers = np.array([1, 1, 2, 1, 1], dtype=np.uint64)
    close = np.array([[3, 1], [4, 2]])
    assert worth_comparing(questions, answers, close).tolist() == [[0, 2], [2, 4]]
    empty = np.empty(0, dtype=np.uint64)
    assert len(worth_comparing(empty, empty, np.empty((0, 2), dtype=np.int64))) == 0


def test_of_two_long_answers_one_that_never_speaks_of_the_question_conflicts() -> None:
    one = "Asthma is what makes the airways narrow and swell, so that breathing gets hard and whistling may come."
    other = "Lumps grow below your liver; nobody feels them until one blocks a duct."
    rows = [*FILLER, example("a", "what is asthma?", one), example("b", "What is asthma", other)]
    (found,) = find_contradictions(rows, near_threshold=0.85)
    assert "only one of the answers speaks of it" in found.reason


def test_rows_under_different_system_prompts_do_not_contradict_each_other() -> None:
    def under(prompt: str, row: Example) -> Example:
        return row.model_copy(update={"messages": (Message(role="system", content=prompt), *row.messages)})

    one, other = example("a", "is it open?", "yes_open"), example("b", "is it open?", "no_shut")
    assert find_contradictions([*FILLER, under("Monday", one), under("Sunday", other)], near_threshold=0.85) == ()
    assert len(find_contradictions([*FILLER, under("Monday", one), under("monday", other)], near_threshold=0.85)) == 1
