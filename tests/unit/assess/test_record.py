"""The decision record is a page that holds what people sign."""

from datetime import UTC, datetime

import pytest

from luthier.assess.config import AssessConfig, CharterConfig
from luthier.assess.record import decision_record
from luthier.assess.stage import run
from luthier.assess.verdict import overrule
from luthier.errors import Refused
from tests.unit.assess.made import evidence

MIX = {"format": 100, "missing_fact": 160}


def test_the_record_names_the_advice_its_reasons_and_the_options(charter: CharterConfig) -> None:
    page = decision_record(run(charter, AssessConfig(), evidence({"prompt": MIX, "rag": MIX})), charter.problem)
    assert page.startswith("# Decision: Tune and retrieve\n")
    assert "behaviour gap: format on 100 of 400 rows (25%, 21% to 29%)" in page
    for words in ("near free", "re-index", "USD 2,000 to 30,000 and a re-train run", "fails when", "update cost"):
        assert words in page


def test_every_table_row_has_as_many_cells_as_its_head(charter: CharterConfig) -> None:
    page = decision_record(run(charter, AssessConfig(), evidence({"prompt": MIX, "rag": MIX})), charter.problem)
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 5
    assert all(len({line.count(" | ") for line in lines if "---" not in line}) == 1 for lines in tables)


def test_an_override_stands_on_top_with_its_author(charter: CharterConfig) -> None:
    decision = run(charter, AssessConfig(), evidence({"prompt": MIX}))
    changed = overrule(
        decision, "tune", by="Dr. Owen", reason="the pilot ends on Friday", now=datetime(2026, 3, 2, tzinfo=UTC)
    )
    page = decision_record(changed, charter.problem)
    assert page.startswith("# Decision: Tune\n")
    assert "The evidence says: Retrieve. Dr. Owen decided otherwise on 2026-03-02" in page


def test_the_stage_refuses_a_charter_that_may_not_start(charter: CharterConfig) -> None:
    broad = charter.model_copy(update={"problem": "Be smarter"})
    with pytest.raises(Refused, match="may not start"):
        run(broad, AssessConfig(), evidence({"prompt": MIX}))
