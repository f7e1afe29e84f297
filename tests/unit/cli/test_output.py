"""What is shown for people and for programs."""

import json
import re

import pytest

from luthier.cli.output import Shown, show, table

RECORDS: Shown = [{"name": "tuned", "n": 500}, {"name": "prompt", "note": None}]


def test_json_reads_back_to_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    show(RECORDS, as_json=True)
    assert json.loads(capsys.readouterr().out) == RECORDS


def test_records_become_lines_with_tabs_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show(RECORDS, as_json=False)
    assert capsys.readouterr().out == "name\tn\tnote\ntuned\t500\t-\nprompt\t-\t-\n"


def test_a_record_becomes_a_line_per_field(capsys: pytest.CaptureFixture[str]) -> None:
    show({"release": "r1", "approved": True, "by": ["a"]}, as_json=False)
    assert capsys.readouterr().out == 'release: r1\napproved: true\nby: ["a"]\n'


def test_plain_text_and_plain_lists_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show("done", as_json=False)
    show(["a", "b"], as_json=False)
    assert capsys.readouterr().out == "done\na\nb\n"


def test_nothing_is_a_dash_and_never_an_empty_cell(capsys: pytest.CaptureFixture[str]) -> None:
    show(None, as_json=False)
    assert capsys.readouterr().out == "-\n"


def test_a_terminal_gets_a_drawn_table_with_cells_as_they_are_and_no_colour_when_it_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    table(["name"], [["[red]tuned[/red]"]], title="Variants")
    out = capsys.readouterr().out
    assert "[red]tuned[/red]" in out
    assert "\t" not in out
    assert re.search(r"\x1b\[[0-9;]*(?:3[0-8]|4[0-8]|9[0-7])m", out) is None
