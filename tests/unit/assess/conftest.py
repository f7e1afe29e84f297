"""A charter and settings that every verdict test starts from."""

import pytest

from luthier.assess.config import AssessConfig, CharterConfig


@pytest.fixture
def charter() -> CharterConfig:
    return CharterConfig.model_validate(
        {
            "problem": "Turn sales e-mails into CRM update calls that the CRM accepts.",
            "kpis": [
                {"name": "invalid_tool_calls", "now": 0.12, "target": "< 0.03", "owner": "sales-ops"},
                {"name": "correct", "metric": "exact_match", "now": 0.2, "target": ">= 0.9", "owner": "sales-ops"},
            ],
            "kill_criterion": {"metric": "invalid_tool_calls", "must_reach": "< 0.06", "within_weeks": 8},
        }
    )


@pytest.fixture
def config() -> AssessConfig:
    return AssessConfig()
