"""The report as people get it: one file that asks for nothing, says what is missing, and leaks no text of a row."""

import base64
import hashlib
import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from luthier.domain.money import Money
from luthier.errors import StorageFault
from luthier.lifecycle.report.facts import Facts
from luthier.lifecycle.report.figures import figures
from luthier.lifecycle.report.headline import headline, tone
from luthier.lifecycle.report.markdown import markdown
from luthier.lifecycle.report.page import page
from luthier.lifecycle.report.story import story
from luthier.lifecycle.report.summary import summary_lines, variants_table
from luthier.lifecycle.report.words import duration, money, thousand
from luthier.lifecycle.report.write import write_facts
from tests.unit.lifecycle.report.made_up import bare, full


@pytest.fixture(scope="module")
def facts() -> Facts:
    return full()


def html_of(told: Facts) -> str:
    return page(told, story(told), figures(told))


class Tags(HTMLParser):
    """Every tag with its attributes, and the tags that were opened and never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_is_one_file_that_asks_for_nothing(facts: Facts) -> None:
    html, tags = html_of(facts), Tags()
    tags.feed(html)
    assert tags.open == []
    names = {name for name, _ in tags.seen}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "base"})
    assert {"svg", "table", "figure"} <= names
    for _, attributes in tags.seen:
        assert attributes.keys().isdisjoint({"src", "style", "onload", "onclick", "action"})
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import", html)
    assert len(html.encode()) < 500_000


def test_the_policy_names_the_hash_of_the_style_sheet_and_allows_nothing_else(facts: Facts) -> None:
    html = html_of(facts)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in html


def test_names_with_markup_are_shown_and_never_become_markup(facts: Facts) -> None:
    evil = "<script>alert(1)</script>|`x`"
    told = facts.model_copy(update={"project": evil, "unmeasured": (evil,), "benchmark": evil})
    assert "<script>" not in html_of(told)
    assert "<script>" not in markdown(told, story(told), figures(told))


def test_every_figure_has_a_number_a_caption_and_two_drawings(facts: Facts) -> None:
    drawn = figures(facts)
    assert list(drawn) == ["variants", "paired", "strata", "failures", "curves", "learning", "timeline", "costs"]
    html = html_of(facts)
    assert [int(number) for number in re.findall(r"<b>Figure (\d+)\.</b>", html)] == list(range(1, 9))
    assert html.count("<svg") == 16
    assert all(re.search(r"\bn\b|interval", figure.caption) for name, figure in drawn.items() if name != "timeline")


def test_the_verdict_comes_first_and_in_one_sentence(facts: Facts) -> None:
    assert headline(facts) == (
        "tuned_rag reaches 91.4% exact_match on 500 gold rows (95% interval 88.6% to 93.6%), +76.6 points against the "
        f"best baseline nearest ({100 * facts.difference('tuned_rag', 'nearest', 'exact_match').low:+.1f} points to "  # type: ignore[union-attr]
        f"{100 * facts.difference('tuned_rag', 'nearest', 'exact_match').high:+.1f} points); the gate says pass; "  # type: ignore[union-attr]
        "crm-updates-2 (tuned_rag) answers 100% of users; taken back: crm-updates-3."
    )
    assert tone(facts) == "pass"
    html = html_of(facts)
    assert html.index("tuned_rag reaches") < html.index("1. Variants")


def test_what_is_not_measured_is_said_and_never_a_figure() -> None:
    told = bare()
    html = html_of(told)
    assert headline(told) == "Nothing was measured yet."
    assert tone(told) == "open"
    assert figures(told) == {}
    assert html.count("not measured yet") >= 5
    assert "0.000" not in html
    assert list(summary_lines(told)) == ["Nothing was measured yet.", "costs: not measured yet"]


def test_simulated_reviews_and_overrides_are_said_clearly(facts: Facts) -> None:
    text = markdown(facts, story(facts), figures(facts))
    assert "SIMULATED: no person has read those rows" in text
    assert "OVERRIDDEN by ml-engineer" in text


def test_the_curves_stand_as_a_table_with_every_evaluation_and_its_task_figures(facts: Facts) -> None:
    lines = markdown(facts, story(facts), figures(facts)).splitlines()
    heads = [line for line in lines if line.startswith("| step | epoch")]
    assert len(heads) == 2  # of the tuned and of the control run
    assert all("exact" in head and "gradient norm" in head and "tokens/s" in head for head in heads)
    assert len([line for line in lines if line.startswith("| 480 (kept) |")]) == 1
    assert len([line for line in lines if line.startswith("| 40 | 0.20 |")]) == 2


def test_overfitting_and_what_more_rows_would_buy_are_told(facts: Facts) -> None:
    text = markdown(facts, story(facts), figures(facts))
    assert "Overfitting of the tuned run: not seen; neither rises" in text
    assert "More rows would help: twice the 3,204 rows would lower the validation loss" in text
    assert "| 3,204 | " in text
    assert "| 6,408 | not measured | " in text
    assert "Overfitting of" not in markdown(bare(), story(bare()), figures(bare()))


def test_all_three_forms_are_written_and_the_json_is_the_facts(facts: Facts, tmp_path: Path) -> None:
    files = write_facts(facts, tmp_path / "deep" / "report")
    assert Facts.model_validate_json(files.json_file.read_bytes()) == facts
    assert json.loads(files.json_file.read_text())["schema_version"] == 1
    assert files.html.read_text().startswith("<!doctype html>")
    assert files.markdown.read_text().startswith("# crm-updates: report\n")
    assert sorted(path.name for path in files.html.parent.iterdir()) == ["report.html", "report.json", "report.md"]


def test_a_folder_that_cannot_be_written_is_a_storage_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFault, match="cannot be written"):
        write_facts(bare(), tmp_path / "file" / "report")


def test_the_summary_is_a_table_of_variants_best_first(facts: Facts) -> None:
    table = variants_table(facts)
    assert [cells[0].text for cells in table.rows][:2] == ["tuned_rag", "tuned"]
    assert [cell.text for cell in table.rows[0]][:5] == ["tuned_rag", "0.914", "0.886 to 0.936", "500", "0.6%"]
    lines = list(summary_lines(facts))
    assert "  5% of users, 8 h: fail" in lines
    assert any("back in 0.23 s" in line for line in lines)


def test_small_amounts_of_money_keep_digits_that_say_something() -> None:
    assert money(Money(amount=Decimal("55000"))) == "EUR 55,000.00"
    assert money(Money(amount=Decimal("0.036"))) == "EUR 0.036"
    assert money(Money(amount=Decimal("0"))) == "EUR 0.00"
    assert money(None) == "-"
    assert thousand(Money(amount=Decimal("0.000009"))) == "0.0090"


def test_lengths_of_time_read_in_two_units() -> None:
    assert [duration(total) for total in (0.25, 90, 7_200, 176_400)] == ["0.2 s", "1 min 30 s", "2 h", "2 d 1 h"]
