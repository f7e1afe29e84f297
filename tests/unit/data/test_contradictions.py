"""Contradictions: conflicts are found with their reason, explained differences are none."""

import pytest

from luthier.data.contradictions import find_contradictions, refuse
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
    "calls": (LETTER, '{"stage": "won"}', LETTER + " Ta!", '{"stage": "lost"}', "nearly the same"),
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
