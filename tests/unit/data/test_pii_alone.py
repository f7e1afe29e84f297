"""`data.pii.alone`: numbers and days that count without a word before them, in everything that a row holds."""

import json

from luthier.data.config import PiiConfig
from luthier.data.plan.bodies import batch_of
from luthier.data.plan.cleaning import cleared, hidden, searched
from luthier.domain.examples import Example, Message
from tests.unit.data.conftest import NAMES_CLEARED

NHS, DAY = "9434765919", "12 March 2019"
"""The number that the NHS Data Dictionary gives as its example, in one piece, and a day that is nobody's birthday."""


def pii(*alone: str) -> PiiConfig:
    return PiiConfig.model_validate(NAMES_CLEARED | {"alone": alone})


def row(asked: str, ideal: str) -> Example:
    return Example(
        id=f"ticket {asked}",
        messages=(Message(role="user", content=asked), Message(role="assistant", content=ideal)),
        source="a.jsonl",
        lawful_basis="contract",
        strata={"note": asked},
    )


def told(asked: str, ideal: str, config: PiiConfig) -> str:
    batch, _ = cleared(batch_of([row(asked, ideal)]), config, "salt")
    return str(batch.to_pylist())


def test_a_bare_number_and_a_bare_day_stay_unless_the_project_says_that_they_count_alone() -> None:
    text = f"{NHS} was here on {DAY}"
    assert told(text, text, pii()).count(NHS) == told(text, text, pii()).count(DAY) > 2
    assert NHS not in told(text, text, pii("UK_NHS"))
    assert DAY in told(text, text, pii("UK_NHS"))
    both = told(text, text, pii("UK_NHS", "DATE_TIME"))
    assert (NHS in both, DAY in both, "<UK_NHS> was here on <DATE_TIME>" in both) == (False, False, True)


def test_numbers_of_a_json_answer_are_taken_out_and_it_stays_json() -> None:
    answer = json.dumps({"patient": 9434765919, "seen": DAY})
    batch, found = cleared(batch_of([row("who?", answer)]), pii("UK_NHS", "DATE_TIME"), "salt")
    ideal = batch["messages"][0].as_py()[-1]["content"]
    assert json.loads(ideal) == {"patient": "<UK_NHS>", "seen": "<DATE_TIME>"}
    assert found["UK_NHS"] == 1


def test_ids_of_rows_that_were_left_out_hide_it_too() -> None:
    assert hidden([f"ticket {NHS}"], pii(), "salt") == [f"ticket {NHS}"]
    assert NHS not in hidden([f"ticket {NHS}"], pii("UK_NHS"), "salt")[0]


def test_the_second_search_looks_for_what_counts_alone() -> None:
    batch = batch_of([row(NHS, "yes")])
    assert searched(batch, pii())["UK_NHS"] == 0
    assert searched(batch, pii("UK_NHS"))["UK_NHS"] == 1
