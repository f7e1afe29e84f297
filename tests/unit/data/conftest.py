"""A data section that the tests of this stage vary."""

from collections.abc import Callable

import pytest

from luthier.data.config import DataConfig

NAMES_CLEARED = {"ner": "off", "cleared_by": "legal@firm", "reason": "the answers name firms"}
"""The made-up mails name a firm in question and answer; without its name they would all be alike."""


@pytest.fixture
def config() -> Callable[..., DataConfig]:
    def make(**sections: object) -> DataConfig:
        chosen: dict[str, object] = {
            "sources": [{"path": "mails.jsonl", "format": "chat", "lawful_basis": "contract"}],
            "gold": {"size": 30, "stratify_by": ["kind"]},
            "pii": NAMES_CLEARED,
            "split": {"validation": 0.1, "group_by": "customer"},
        }
        return DataConfig.model_validate(chosen | sections)

    return make
