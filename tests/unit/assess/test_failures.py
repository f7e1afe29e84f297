"""Each wrong answer is put where it belongs, and the counts carry their doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from luthier.assess.config import AssessConfig
from luthier.assess.failures import Yardstick, failure_table, kinds_by_row, known_values
from luthier.assess.targets import leaves, stands_in, values_of
from luthier.errors import UserError
from tests.unit.assess.made import TOOLS, WRONG, baseline, call, case, cases, examples

KNOWN = known_values(examples(100), TOOLS)
BY = Yardstick(tools=TOOLS, known=KNOWN)


def kinds_of(asked: str, ideal: str, text: str | None) -> set[str]:
    row = case("row", asked, ideal, text)
    return set(kinds_by_row([row], BY).get("row", ()))


@pytest.mark.parametrize("kind", sorted(WRONG))
def test_each_way_to_fail_is_told_from_the_others(kind: str) -> None:
    (row,) = cases({kind: 1}, of=1)
    assert kinds_by_row([row], BY) == {"row-0": {kind}}


def test_an_unreadable_answer_to_a_row_that_needs_a_fact_lacks_both() -> None:
    assert kinds_of("Brook Foods signed at 500", call("ACC-1234"), "hello") == {"format", "missing_fact"}


def test_a_wrong_account_beside_a_wrong_amount_is_both() -> None:
    assert kinds_of("Brook Foods signed at 500", call("ACC-1234"), call("ACC-9999", amount="5")) == {
        "missing_fact",
        "wrong_argument",
    }


def test_a_fact_that_the_answer_gives_is_not_missing() -> None:
    assert kinds_of("Brook Foods signed at 500", call("ACC-1234"), call("ACC-1234", stage="lost")) == {"reasoning"}


@pytest.mark.parametrize("text", [None, "", "   ", "I'm sorry, I cannot do that.", "As an AI I must decline"])
def test_silence_and_refusals_are_one_kind(text: str | None) -> None:
    assert kinds_of("ACC-1234 signed at 500", call("ACC-1234"), text) == {"refusal_or_empty"}


def test_a_call_with_extra_arguments_breaks_the_format() -> None:
    answer = call("ACC-1234").replace('"stage"', '"note": "x", "stage"')
    assert kinds_of("ACC-1234 signed at 500", call("ACC-1234"), answer) == {"format"}


def test_the_same_value_under_another_type_breaks_the_format() -> None:
    assert kinds_of("ACC-1234 signed at 500", call("ACC-1234"), call("ACC-1234").replace('"500"', "500")) == {"format"}


def test_text_without_calls_lacks_a_fact_or_reasons_wrongly() -> None:
    assert kinds_of("When do you open?", "We open at 0930.", "We open late.") == {"missing_fact"}
    assert kinds_of("Is 0930 early?", "Yes, 0930 is early.", "No.") == {"reasoning"}


def test_right_rows_are_left_out() -> None:
    assert kinds_of("ACC-1234 signed at 500", call("ACC-1234"), call("ACC-1234")) == set()


def test_a_row_without_the_score_is_a_fault_and_not_a_guess() -> None:
    with pytest.raises(UserError, match="has no score 'accuracy'"):
        kinds_by_row(cases({}, of=1), Yardstick(metric="accuracy", tools=TOOLS, known=KNOWN))


def test_a_group_is_systematic_by_the_low_end_of_its_share() -> None:
    rows = cases({"format": 30, "reasoning": 14}, of=200)
    kinds = kinds_by_row(rows, BY)
    table = failure_table(baseline("prompt", rows), kinds, tools=TOOLS, config=AssessConfig())
    assert [(group.kind, group.rows, group.is_systematic) for group in table.groups] == [
        ("format", 30, True),
        ("reasoning", 14, False),
    ]
    interval = stats.binomtest(14, 200).proportion_ci(method="wilson")
    assert table.groups[1].share.low == pytest.approx(interval.low)
    assert table.groups[1].share.high == pytest.approx(interval.high)
    assert (table.failed.hits, table.failed.n) == (44, 200)


def test_missing_facts_are_never_labelable() -> None:
    rows = cases({"missing_fact": 50, "format": 50}, of=200)
    kinds = kinds_by_row(rows, BY)
    table = failure_table(baseline("prompt", rows), kinds, tools=TOOLS, config=AssessConfig())
    assert {group.kind: group.is_labelable for group in table.groups} == {"missing_fact": False, "format": True}


@given(st.permutations(list(cases({"format": 3, "missing_fact": 2, "tool_name": 1}, of=9))))
def test_the_order_of_the_rows_changes_nothing(rows: list[object]) -> None:
    expected = kinds_by_row(cases({"format": 3, "missing_fact": 2, "tool_name": 1}, of=9), BY)
    assert kinds_by_row(rows, BY) == expected  # type: ignore[arg-type]


def test_values_stand_in_a_text_as_a_whole_only() -> None:
    assert stands_in("500", "It costs 500 EUR")
    assert not stands_in("500", "It costs 1500 EUR")
    assert stands_in("brook foods", "From Brook Foods.")


def test_leaves_name_every_scalar_by_its_path() -> None:
    assert leaves({"a": {"b": [1, True]}, "c": "x", "d": None}) == {
        "/a/b/0": "1",
        "/a/b/1": "true",
        "/c": "x",
        "/d": "null",
    }


def test_values_of_plain_text_are_its_words_with_digits() -> None:
    assert values_of("Order ACC-1234 ships on day 3.") == ["ACC-1234", "3"]
    assert values_of(call("ACC-1234")) == ["ACC-1234", "won", "500"]


def test_choices_of_the_tools_are_known_without_training() -> None:
    assert known_values((), TOOLS) == {"won", "lost"}
