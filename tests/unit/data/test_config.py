"""The data section: DESIGN's file is accepted, faults are told."""

import pytest
import yaml
from pydantic import ValidationError

from luthier.data.config import DataConfig

AS_DESIGNED = """
sources: [{path: emails.jsonl, format: chat, lawful_basis: contract, retention_days: 365}]
pii: {action: mask}
duplicates: {near_threshold: 0.85}
contradictions: block
gold: {size: 500, stratify_by: [task_type, difficulty]}
split: {validation: 0.1, group_by: customer_id}
"""


def test_the_section_of_the_design_page_is_read_as_written() -> None:
    config = DataConfig.model_validate(yaml.safe_load(AS_DESIGNED))
    assert config.gold.stratify_by == ("task_type", "difficulty")
    from_file = yaml.safe_load(AS_DESIGNED) | {"gold": {"path": "gold.jsonl"}}
    assert DataConfig.model_validate(from_file).gold.path == "gold.jsonl"


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ({"sources": [{"path": "a"}]}, "lawful_basis"),
        ({"sources": [{"path": "a", "lawful_basis": "because"}]}, "lawful_basis"),
        ({"pii": {"action": "off"}}, "cleared_by"),
        ({"pii": {"action": "off", "cleared_by": " ", "reason": "own servers"}}, "cleared_by"),
        ({"pii": {"ner": "off", "cleared_by": "legal"}}, "`ner: off` leaves personal data in"),
        ({"pii": {"action": "encrypt"}}, "go together"),
        ({"pii": {"key": "PII_KEY"}}, "go together"),
        ({"gold": {"path": "g.jsonl", "size": 5}}, "exclude each other"),
        ({"gold": {"path": "a"}}, "twice"),
        ({"duplicate": {}}, "duplicate"),
    ],
)
def test_a_faulty_section_is_refused_with_the_reason(section: dict[str, object], fault: str) -> None:
    whole = {"sources": [{"path": "a", "lawful_basis": "consent"}]} | section
    with pytest.raises(ValidationError, match=fault):
        DataConfig.model_validate(whole)
