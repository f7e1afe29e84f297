"""The decision on one page: it tells who decided what in which order, counts what it leaves out, and is one file."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from luthier.domain.decisions import AdviceOverride, Concentration, Trigger
from luthier.domain.measure import Measurement
from luthier.errors import Refused
from luthier.lifecycle.report.board import BoardRecord, board_markdown, board_page, record_of, write_board
from luthier.lifecycle.report.facts import Facts, VariantStep
from tests.unit.lifecycle.report.made_up import full

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
STEPS: dict[str, VariantStep] = {
    "prompt": "prompt", "few_shot": "prompt", "rag": "retrieve", "tuned": "tune", "tuned_rag": "tune",
}  # fmt: skip


@pytest.fixture(scope="module")
def facts() -> Facts:
    made = full()
    variants = tuple(each.model_copy(update={"step": STEPS.get(each.name)}) for each in made.variants)
    return made.model_copy(update={"variants": variants})


@pytest.fixture
def found(facts: Facts) -> BoardRecord:
    return record_of(facts, advised_at=AT, advised_for="Dr. Owen")


def test_the_steps_stand_in_their_order_and_copied_answers_and_controls_in_none(found: BoardRecord) -> None:
    assert [(step.name, sorted(step.figures)) for step in found.steps] == [
        ("Prompt", ["few_shot", "prompt"]),
        ("Retrieve (RAG)", ["rag"]),
        ("Tune", ["tuned", "tuned_rag"]),
    ]


def test_a_step_that_was_not_measured_says_so(facts: Facts) -> None:
    variants = tuple(each for each in facts.variants if each.step != "retrieve")
    told = record_of(facts.model_copy(update={"variants": variants}), advised_at=AT, advised_for="x")
    assert "2. Retrieve (RAG): not measured" in board_markdown(told)
    assert "<b>Retrieve (RAG).</b> not measured" in board_page(told)


def test_the_page_holds_verdict_order_claims_money_kill_criterion_and_who_decided(found: BoardRecord) -> None:
    page = board_page(found)
    for words in (
        "<h1>Tune and retrieve</h1>", "as article 003 claims", "near free", "USD 2,000 to 30,000", "Stop unless",
        "run by Dr. Owen", "Could an expert with the same context answer?", found.spent["in all"],
    ):  # fmt: skip
        assert words in page, words


def test_who_overruled_the_rules_stands_on_the_page_beside_what_the_rules_said(found: BoardRecord) -> None:
    override = AdviceOverride(advice="stop", by="M. Board", reason="the budget is gone", at=AT)
    changed = found.model_copy(update={"decision": found.decision.model_copy(update={"override": override})})
    page = board_page(changed)
    assert "<h1>Stop</h1>" in page
    assert "the rules advised &#39;tune and retrieve&#39;" in page
    assert "M. Board overruled it to &#39;stop&#39;: the budget is gone" in page


def test_what_does_not_fit_is_counted_and_in_the_markdown(found: BoardRecord) -> None:
    signs = tuple(
        Trigger(name=f"sign_{number}", speaks_for="tune", holds=True, reason="seen") for number in range(11)
    )  # fmt: skip
    told = found.model_copy(update={"decision": found.decision.model_copy(update={"triggers": signs})})
    assert "5 more signs that hold" in board_page(told)
    assert "sign 10" not in board_page(told)
    assert "sign_10" in board_markdown(told)


def test_a_project_text_with_markup_stays_text(found: BoardRecord) -> None:
    page = board_page(found.model_copy(update={"problem": "<script>alert(1)</script>"}))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_asks_for_nothing_outside(found: BoardRecord) -> None:
    assert re.findall(r"(?:src|href)=|url\(|@import|https?://", board_page(found)) == []


def test_a_project_without_a_decision_has_no_record(facts: Facts) -> None:
    with pytest.raises(Refused, match="no decision was drawn"):
        record_of(facts.model_copy(update={"decision": None}), advised_at=AT, advised_for="x")


def test_the_three_files_tell_the_same_record(found: BoardRecord, tmp_path: Path) -> None:
    files = write_board(found, tmp_path)
    assert BoardRecord.model_validate_json(files["json"].read_bytes()) == found
    assert orjson.loads(files["json"].read_bytes())["kill"] in files["markdown"].read_text(encoding="utf-8")
    assert files["html"].read_text(encoding="utf-8") == board_page(found)


def fullest(found: BoardRecord) -> BoardRecord:
    """As much on the page as it ever shows, every text as long as it may be."""
    place = Concentration(
        stratum="task_type=schedule_meeting", inside=Measurement.of_proportion("tone", 30, n=60),
        outside=Measurement.of_proportion("tone", 2, n=300), p_value=0.001,
    )  # fmt: skip
    tables = tuple(
        table.model_copy(update={"groups": tuple(
            group.model_copy(update={"strata": (place,), "remedy": "not_enough_evidence"}) for group in table.groups
        )})
        for table in found.decision.failures
    )  # fmt: skip
    signs = tuple(
        Trigger(name=f"a_rather_long_sign_{n}", speaks_for="tune_and_retrieve", holds=True, reason="seen " * 60)
        for n in range(12)
    )
    override = AdviceOverride(advice="tune", by="M. Board", reason="because " * 60, at=AT)
    decision = found.decision.model_copy(
        update={"reasons": ("reason " * 60,) * 7, "missing": ("lack " * 60,) * 4, "failures": tables, "triggers": signs,
                "override": override}
    )  # fmt: skip
    return found.model_copy(update={"decision": decision, "problem": "problem " * 90})


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium on this machine: its print is what is tested")
@pytest.mark.slow
def test_the_fullest_record_prints_on_one_sheet(found: BoardRecord, tmp_path: Path) -> None:
    files, sheet = write_board(fullest(found), tmp_path), tmp_path / "sheet.pdf"
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={sheet}", files["html"].as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert len(re.findall(rb"/Type\s*/Page\b", sheet.read_bytes())) == 1
