"""Semantic duplicates: same answer, same meaning, other words; figures and denials keep rows apart."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.compare import Sides
from luthier.data.semantic import Same, clusters, groups_of, semantic_duplicates
from luthier.domain.examples import Example, Message


def example(row_id: str, asked: str, ideal: str) -> Example:
    return Example(id=row_id, messages=(Message(role="user", content=asked), Message(role="assistant", content=ideal)))


FILLER = [
    example(f"f{i}", f"Mail about {name}, who would like news on the order", "news")
    for i, name in enumerate(["Petra", "Jonas", "Ravi", "Mina", "Olga", "Hugo", "Ines", "Leon", "Kofi", "Yara"])
]


def pairs(*rows: tuple[str, str]) -> set[tuple[int, int]]:
    examples = [example(str(n), *row) for n, row in enumerate(rows)]
    return {(pair.first, pair.second) for pair in semantic_duplicates(Sides([*examples, *FILLER]))} - {
        (a, b) for a in range(len(rows), 99) for b in range(99)
    }


def test_one_question_in_other_words_with_the_same_answer_is_found() -> None:
    assert (0, 1) in pairs(
        ("I want to start the repair of my car", "cancel"),
        ("I want to begin the repair of my automobile", "cancel"),
    )


def test_another_answer_another_figure_or_a_denial_keeps_rows_apart() -> None:
    question = "I want to start the repair of my car"
    again = "I want to begin the repair of my automobile"
    assert pairs((question, "cancel"), (again, "keep")) == set()
    assert pairs((question + " 17", "cancel"), (again + " 18", "cancel")) == set()
    assert pairs((question, "cancel"), (again.replace("want", "don't want"), "cancel")) == set()


def test_two_orders_that_differ_in_the_thing_ordered_are_no_duplicates() -> None:
    assert (
        pairs(("I want to start the repair of my car", "ok"), ("I want to start the repair of my piano", "ok")) == set()
    )
    long = "I want to start the repair of my old and trusted {} in the garage behind the house today"
    assert pairs((long.format("car"), "ok"), (long.format("piano"), "ok")) == set()


def test_clusters_link_rows_through_one_another_and_name_the_first() -> None:
    found = clusters([Same(1, 4, 0.9), Same(4, 7, 0.9), Same(2, 3, 0.9)])
    assert found == {1: (4, 7), 2: (3,)}
    assert clusters([]) == {}


@given(st.lists(st.integers(0, 6), max_size=60))
def test_every_row_whose_answer_another_has_is_in_one_portion_with_all_of_them(answers: list[int]) -> None:
    rows = 10 * np.arange(len(answers))
    portions = groups_of(rows, np.array(answers, dtype=np.uint64))
    placed = [row for portion in portions for row in portion.tolist()]
    shared = [10 * place for place, answer in enumerate(answers) if answers.count(answer) > 1]
    assert sorted(placed) == shared
    for answer in set(answers):
        mine = {10 * place for place, other in enumerate(answers) if other == answer}
        assert sum(bool(mine & set(portion.tolist())) for portion in portions) <= 1
