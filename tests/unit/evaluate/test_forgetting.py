from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.answers import Answer
from luthier.domain.examples import Example, Message
from luthier.errors import EmptySample, Refused
from luthier.evaluate.general.forgetting import GeneralScores, judge_forgetting, score_suite
from luthier.evaluate.general.suite import shipped_suite


def row(number: int) -> Example:
    turns = (Message(role="user", content=f"say {number}"), Message(role="assistant", content=str(number)))
    return Example(id=str(number), messages=turns, strata={"kind": "even" if number % 2 == 0 else "odd"})


def scores(right: Sequence[bool], adapter: str | None, *, suite: str = "s") -> GeneralScores:
    rows = [row(number) for number in range(len(right))]
    answers = [Answer(text=str(at) if hit else "no idea") for at, hit in enumerate(right)]
    return score_suite(rows, answers, metric="exact_match", model="base", adapter=adapter, suite=suite)


def verdict(before: Sequence[bool], after: Sequence[bool], tolerance: float = 0.05) -> str:
    found = judge_forgetting(scores(before, None), scores(after, "a"), tolerance=tolerance, seed=0)
    return found.verdict.outcome


def test_a_model_that_answers_as_before_has_forgotten_nothing() -> None:
    assert verdict([True] * 160 + [False] * 40, [True] * 160 + [False] * 40) == "pass"


def test_a_loss_beyond_doubt_fails_and_says_how_large_it_is() -> None:
    before, after = [True] * 160 + [False] * 40, [True] * 80 + [False] * 120
    found = judge_forgetting(scores(before, None), scores(after, "a"), tolerance=0.05, seed=0)
    assert found.verdict.outcome == "fail"
    assert "went from 0.800 to 0.400" in found.verdict.reasons[0]
    assert (found.difference.worse, found.difference.better) == (80, 0)


def test_a_loss_about_as_large_as_the_tolerance_is_left_open() -> None:
    # 11 of 200 worse is a drop of 0.055; its interval reaches from about 0.025 to 0.09
    assert verdict([True] * 200, [False] * 11 + [True] * 189) == "not_enough_evidence"


def test_few_rows_without_a_loss_prove_no_small_loss_absent() -> None:
    # 3 / 0.05 = 60 rows are the fewest
    assert verdict([True] * 59, [True] * 59) == "not_enough_evidence"
    assert verdict([True] * 60, [True] * 60) == "pass"


def test_a_model_that_could_do_nothing_has_nothing_to_forget() -> None:
    assert verdict([True] * 5 + [False] * 195, [False] * 200) == "not_enough_evidence"


def test_figures_are_told_per_kind_of_task() -> None:
    found = scores([True, False, True, False], None)
    assert {kind: figure.value for kind, figure in found.kinds.items()} == {"all": 0.5, "even": 1.0, "odd": 0.0}


def test_scores_on_different_rows_are_not_compared() -> None:
    with pytest.raises(Refused, match="same rows"):
        judge_forgetting(scores([True], None, suite="s"), scores([True], "a", suite="t"), tolerance=0.05, seed=0)


def test_before_and_after_cannot_be_swapped() -> None:
    with pytest.raises(Refused, match="no adapter"):
        judge_forgetting(scores([True], "a"), scores([True], None), tolerance=0.05, seed=0)


def test_an_empty_suite_is_refused_rather_than_passed() -> None:
    with pytest.raises(EmptySample):
        scores([], None)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=60, max_size=120), st.floats(0.05, 0.3))
def test_a_pass_never_hides_a_measured_drop_larger_than_the_tolerance(
    pairs: list[tuple[bool, bool]], tolerance: float
) -> None:
    before, after = [had for had, _ in pairs], [has for _, has in pairs]
    drop = (sum(before) - sum(after)) / len(pairs)
    outcome = verdict(before, after, tolerance)
    assert outcome != "pass" or drop <= tolerance + 1e-9
    assert outcome != "fail" or drop > tolerance - 1e-9


def test_the_shipped_suite_holds_each_question_once_and_its_answer_stands_in_it() -> None:
    rows = shipped_suite()
    assert len(rows) == 240
    assert len({row.id for row in rows}) == len({row.asked + str(row.question) for row in rows}) == 240
    assert {row.strata["kind"] for row in rows} >= {"copy", "lookup", "classify", "extract"}
    copied = [row for row in rows if row.strata["kind"] == "copy"]
    assert all(row.ideal in "\n".join(message.content for message in row.question) for row in copied)
