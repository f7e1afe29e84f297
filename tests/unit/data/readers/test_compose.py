"""Templates over a record's fields: reasoning, criteria and policies become part of what is taught."""

import json

import pytest
from pydantic import ValidationError

from luthier.data.config import SourceConfig
from luthier.data.style import why_reasoning_fails
from tests.unit.data.readers.conftest import Reading

CLAUSE = {
    "clause": "Liability is unlimited.",
    "steps": ["The clause names no cap.", "Our policy asks for one."],
    "risk": "HIGH",
    "advice": "Ask for a cap.",
    "policy": "Contracts need a cap of liability.",
    "kind": "liability",
}
REASONED = {
    "prompt": "Review this clause: $clause",
    "completion": "ANALYSIS\n$steps\n\nRISK LEVEL\n$risk\n\nRECOMMENDATION\n$advice",
    "system": "Policy: $policy",
}


def test_reasoning_is_numbered_before_its_conclusion_and_the_policy_goes_before_the_question(read: Reading) -> None:
    found = read(json.dumps(CLAUSE), compose=REASONED)
    [turns] = found.texts
    assert turns[:2] == [
        ("system", "Policy: Contracts need a cap of liability."),
        ("user", "Review this clause: Liability is unlimited."),
    ]
    assert turns[2][1].split("\n")[:3] == ["ANALYSIS", "1. The clause names no cap.", "2. Our policy asks for one."]
    assert why_reasoning_fails(turns[2][1], ("ANALYSIS", "RISK LEVEL", "RECOMMENDATION")) is None
    assert found.rows[0]["strata"] == [("kind", "liability")]


def test_a_label_carries_its_criteria(read: Reading) -> None:
    row = {"text": "Where is my card?", "label": "card_arrival", "rule": "card_arrival: the customer waits for a card"}
    compose = {"system": "Criteria:\n$rule", "prompt": "$text", "completion": "$label"}
    found = read(json.dumps(row), compose=compose, group_by="label")
    assert (found.rows[0]["group"], found.rows[0]["strata"]) == ("card_arrival", [])
    assert found.texts == [
        [("system", "Criteria:\ncard_arrival: the customer waits for a card"), ("user", "Where is my card?"),
         ("assistant", "card_arrival")]
    ]  # fmt: skip


@pytest.mark.parametrize("lacking", [{"advice": ""}, {"advice": None}, {"steps": []}])
def test_a_record_without_a_named_field_is_a_fault_at_its_line(read: Reading, lacking: dict[str, object]) -> None:
    found = read("\n".join([json.dumps(CLAUSE), json.dumps(CLAUSE | lacking)]), "prompt_completion", compose=REASONED)
    [name] = lacking
    assert [(fault.line, fault.blocking) for fault in found.faults] == [(2, True)]
    assert f"needs the field '{name}'" in found.told[0]
    assert len(found.rows) == 1


@pytest.mark.parametrize(("text", "why"), [("costs 5$", "lone"), ("always the same", "names no field")])
def test_a_template_that_makes_nothing_of_a_record_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        SourceConfig(path="x", lawful_basis="contract", compose={"prompt": text})
