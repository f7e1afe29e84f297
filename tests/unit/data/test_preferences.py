"""Preferences: keys, groups and opposites, against what a person would do by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.plan.bodies import batch_of
from luthier.data.plan.preferences import (
    UNWANTED,
    WANTED,
    joined_groups,
    opposed_pairs,
    preference_keys,
    told_apart,
    twins,
)
from luthier.domain.examples import Example, Message
from luthier.domain.preferences import Preference


def row(row_id: str, *, rejected: str | None = None, liked: bool | None = None, ideal: str = "a") -> Example:
    messages = (Message(role="user", content="q"), Message(role="assistant", content=ideal))
    return Example(id=row_id, messages=messages, rejected=rejected, liked=liked, source="s", lawful_basis="contract")


def keys(*values: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(values, dtype=np.uint64)


def test_a_batch_without_preferences_stays_as_it_is() -> None:
    batch = batch_of([row("x"), row("y")])
    told = told_apart(batch, "both")
    assert told.rows is batch
    assert told.reasons == []


def test_rows_are_answers_pairs_and_judgements() -> None:
    batch = batch_of([row("x"), row("p", rejected="b"), row("w", liked=True), row("u", liked=False)])
    told = told_apart(batch, "both").rows
    assert told["id"].to_pylist() == ["x", "p", "w", "p~preference", "w~preference", "u~preference"]
    found = preference_keys(told).tolist()
    assert found[:3] == [0, 0, 0]
    assert found[3] > UNWANTED
    assert found[4:] == [WANTED, UNWANTED]


groups_and_questions = st.lists(st.tuples(st.integers(1, 12), st.integers(20, 30), st.booleans()), min_size=1)


@given(groups_and_questions, st.randoms())
def test_rows_of_one_group_or_of_one_preferred_question_share_a_group_in_any_order(
    rows: list[tuple[int, int, bool]], random: object
) -> None:
    groups, questions = (keys(*column) for column in zip(*[(g, q) for g, q, _ in rows], strict=True))
    preferences = np.array([is_preference for _, _, is_preference in rows])
    joined = joined_groups(groups, questions, preferences)
    asked = set(questions[preferences].tolist())
    for one in range(len(rows)):
        for other in range(len(rows)):
            if rows[one][0] == rows[other][0] or (rows[one][1] == rows[other][1] and rows[one][1] in asked):
                assert joined[one] == joined[other]
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert joined_groups(groups[order], questions[order], preferences[order]).tolist() == joined[order].tolist()


def test_a_twin_asks_what_an_answer_of_its_group_asks() -> None:
    preferences = np.array([False, True, True, True])
    assert twins(keys(1, 1, 1, 2), keys(7, 7, 8, 7), preferences).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("answers", "preferred", "found"),
    [
        ((10, 11), (11, 10), [[0, 1]]),  # a over b, b over a
        ((10, 11), (11, 12), []),  # a over b, b over c
        ((10, 10), (WANTED, UNWANTED), [[0, 1]]),
        ((10, 10), (0, UNWANTED), [[0, 1]]),  # an ideal answer that somebody disliked
        ((10, 10), (0, WANTED), []),
        ((10, 11), (0, UNWANTED), []),
        ((10, 10), (11, 11), []),
        ((10, 11), (10, 12), []),  # two answers that differ in form alone
    ],
)
def test_rows_oppose_each_other_where_one_prefers_what_the_other_rejects(
    answers: tuple[int, int], preferred: tuple[int, int], found: list[list[int]]
) -> None:
    assert opposed_pairs(keys(5, 5), keys(*answers), keys(*preferred)).tolist() == found
    assert opposed_pairs(keys(5, 6), keys(*answers), keys(*preferred)).tolist() == []


def test_a_preference_that_prefers_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is preferred"):
        Preference(id="x", question=(Message(role="user", content="q"),), chosen="a", rejected="a")
    with pytest.raises(ValueError, match="nothing is preferred"):
        Preference(id="x", question=(Message(role="user", content="q"),))
