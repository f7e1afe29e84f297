"""Style: what answers do is counted and told by id; nothing is removed."""

import pytest

from luthier.data.clean.reasons import Turns
from luthier.data.config import StyleSheetConfig
from luthier.data.style import StyleLint, StyleNote, lint, mutable_facts, why_reasoning_fails
from luthier.domain.examples import Example, Message


def row(row_id: str, ideal: str, asked: str = "hi", **strata: str) -> Example:
    messages = (Message(role="user", content=asked), Message(role="assistant", content=ideal))
    return Example(id=row_id, messages=messages, strata=strata, source="a.jsonl")


def told(rows: list[Example], **sheet: object) -> dict[str, StyleNote]:
    return {note.kind: note for note in lint(rows, StyleSheetConfig.model_validate(sheet))}


def test_a_phrase_is_found_in_any_case_and_spacing_but_not_within_words() -> None:
    rows = [row("a", "Kindly  DO\nthe needful."), row("b", "Unkindly do the needfuls."), row("c", "No.")]
    note = told(rows, phrases=["kindly do the needful"])["phrase"]
    assert (note.rows, note.of, note.examples) == (1, 3, ("a",))
    assert note.sentence() == "1 of 3 answers say 'kindly do the needful': a."


def test_a_note_names_five_rows_and_says_that_there_are_more() -> None:
    note = told([row(f"r{n}", "one two three") for n in range(7)], max_words=2)["verbose"]
    assert note.sentence() == "7 of 7 answers have more than 2 words: r0, r1, r2, r3, r4, ..."


def test_an_answer_is_verbose_beyond_the_words_allowed() -> None:
    note = told([row("a", "one two three"), row("b", "one two")], max_words=2)["verbose"]
    assert note.examples == ("a",)


GOOD = "ANALYSIS:\n1. The cap is missing.\n2. Liability is open.\n**RISK LEVEL:** high\nRECOMMENDATION: add a cap."
HEADINGS = ("ANALYSIS", "RISK LEVEL", "RECOMMENDATION")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (GOOD, None),
        (GOOD.replace("ANALYSIS:", "## 1. Analysis"), None),
        (GOOD.replace("**RISK LEVEL:** high\n", ""), "'RISK LEVEL' is missing"),
        (GOOD.replace("1. ", "").replace("2. ", ""), "no step is numbered before the conclusion"),
        (GOOD.replace(" add a cap.", ""), "'RECOMMENDATION' is empty"),
        ("RECOMMENDATION: a\n" + GOOD.replace("RECOMMENDATION: add a cap.", ""), "'RECOMMENDATION' stands before"),
    ],
)
def test_reasoning_keeps_to_its_template_or_the_first_fault_is_told(answer: str, why: str | None) -> None:
    found = why_reasoning_fails(answer, HEADINGS)
    assert found == why or (why is not None and found is not None and found.startswith(why))


def test_only_rows_that_must_reason_are_held_against_the_template() -> None:
    rows = [row("a", "high", kind="risk"), row("b", "hello", kind="chat")]
    note = told(rows, reasoning=list(HEADINGS), reasoning_where={"kind": "risk"})["reasoning"]
    assert (note.rows, note.examples) == (1, ("a",))


@pytest.mark.parametrize(
    ("asked", "answer", "facts"),
    [
        ("What does it cost?", "It costs 49 EUR a month.", {"price"}),
        ("What does it cost?", "Only $1,299.00!", {"price"}),
        ("Note that Ann owes 49 EUR.", "Ann owes EUR 49.", set()),
        ("When does it end?", "On 31.12.2026, or 2027-01-31, or March 3, 2027.", {"date"}),
        ("It ends on 2026-12-31.", "Noted: 2026-12-31.", set()),
        ("Which one?", "Version 4.2 or v3.1.0 will do.", {"version"}),
        ("How many?", "Between 3 and 40 people.", set()),
    ],
)
def test_facts_that_may_change_are_flagged_unless_the_question_says_them(
    asked: str, answer: str, facts: set[str]
) -> None:
    assert mutable_facts(answer, [("user", asked)]) == facts


def labels(count: int, prompt: str = "") -> list[Example]:
    return [row(f"r{n}", ["card_arrival", "lost_card"][n % 2], f"{prompt}question {n}") for n in range(count)]


def test_labels_without_criteria_are_told_once_per_source() -> None:
    note = told(labels(24))["criteria"]
    assert (note.rows, note.of, len(note.examples)) == (24, 24, 5)


def test_labels_whose_criteria_stand_in_the_question_are_fine() -> None:
    criteria = "card_arrival: the customer waits for a new card.\nlost_card: the card was lost or stolen somewhere.\n"
    assert "criteria" not in told(labels(24, criteria))
    assert told(labels(24, "Choose card_arrival or lost_card.\n"))["criteria"].rows == 24


def test_few_or_different_short_answers_are_no_classification() -> None:
    assert told(labels(19)) == {}
    assert told([row(f"r{n}", f"answer {n}") for n in range(40)]) == {}


def test_counting_in_parts_gives_the_same_notes() -> None:
    rows = [*labels(30), row("x", "Costs $5 today."), row("y", "Costs $6 today.")]
    sheet = StyleSheetConfig(max_words=2)

    def turns(one: Example) -> Turns:
        return [(message.role, message.content) for message in one.messages]

    parts = [StyleLint(sheet), StyleLint(sheet)]
    for place, one in enumerate(rows):
        parts[place >= 13].look(one.id, one.source, turns(one), one.strata)
    parts[0].merge(parts[1])
    assert parts[0].notes() == lint(rows, sheet)
