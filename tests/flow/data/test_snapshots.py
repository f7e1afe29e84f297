"""Two snapshots of one project: what differs is told, what became worse is named, nothing is lost on the way out."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from luthier.cli.main import main
from luthier.domain.snapshots import Manifest
from luthier.errors import NotFound, UserError
from luthier.lifecycle.export import export
from luthier.lifecycle.links.data import gold_set, rows_of, settle_data
from luthier.lifecycle.snapshots import card_of, diff, dropped_rows, find_snapshot
from luthier.lifecycle.workspace import Workspace
from tests.flow.data import made

PROJECT = """
project: p
charter:
  problem: A problem.
  taxonomy: {input_types: [k0, k9]}
  kpis: [{name: k, now: 0.1, target: "> 0.2", owner: nobody}]
  kill_criterion: {metric: k, must_reach: "> 0.1", within_weeks: 8}
data:
  sources: [{path: rows.jsonl, format: chat, lawful_basis: contract}]
  pii: {action: mask, ner: "off", cleared_by: nobody, reason: the words are made up}
  gold: {size: 40, stratify_by: [kind]}
  split: {group_by: customer}
variants:
  prompt: {model: base, prompt: prompt.md}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "luthier.yaml").write_text(PROJECT)
    (folder / "prompt.md").write_text("Answer.")
    made.write_rows(folder / "rows.jsonl")
    return folder


def change(folder: Path, edit: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> None:
    path = folder / "rows.jsonl"
    rows = edit([json.loads(line) for line in path.read_text().splitlines()])
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")


def test_a_second_snapshot_is_compared_row_by_row_and_its_losses_are_named(project: Path) -> None:
    with Workspace.open(project) as work:
        before = settle_data(work).digest
        kept = {row.id for split in ("train", "validation") for row in rows_of(work, split)}
        gold = {row.id for row in gold_set(work).examples}
    gone = {row_id for row_id in kept if int(row_id.removeprefix("r")) % 3 == 0}
    edited = sorted(kept - gone)[0]

    def edit(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        for row in rows:
            if row["id"] == edited:
                row["messages"][1]["content"] = "Something else was answered here"
        fresh = {**rows[1], "id": "fresh", "metadata": {"kind": "k1", "customer": "new"}}
        fresh["messages"] = [
            {"role": "user", "content": "Zebra crossings want paint, who buys it?"},
            {"role": "assistant", "content": "The council of the town buys paint in March."},
        ]
        return [row for row in rows if row["id"] not in gone] + [fresh]

    change(project, edit)
    with Workspace.open(project) as work:
        after = settle_data(work).digest
        found = diff(work, before, after)
        assert {row.id for row in gold_set(work).examples} == gold
        copies = [f"again{place}" for place in range(20, 60, 5) if f"r{place}" in gone]  # they are the first now
        assert (found.removed, found.added, found.changed) == (len(gone), len(copies) + 1, 1)
        assert found.added_ids == (*copies, "fresh")
        assert found.changed_ids == (edited,)
        assert any(told.startswith("rows of kind=k0 went from") for told in found.regressions)
        assert card_of(work, after).regressions == found.regressions
        assert card_of(work, before).regressions == ()
        assert "any row tagged 'k9', an input type of the charter" in card_of(work, after).missing
        assert not list((work.home / "work" / "data").iterdir()), "bodies were left behind"
        same = diff(work, after, after)
        assert (same.added, same.removed, same.changed, same.moved, same.regressions) == (0, 0, 0, (), ())


def test_rows_left_out_are_listed_by_reason(project: Path) -> None:
    with Workspace.open(project) as work:
        manifest = work.fetch(settle_data(work).digest, Manifest)
        listed = list(dropped_rows(work))
        assert len(listed) == sum(manifest.dropped.values())
        (one, *_) = dropped_rows(work, "exact_duplicate")
        assert one["id"].startswith("again")
        assert one["detail"] == one["id"].replace("again", "r")
        with pytest.raises(NotFound, match="too_ugly"):
            list(dropped_rows(work, "too_ugly"))


def test_an_exported_snapshot_holds_every_row_of_every_split(project: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    with Workspace.open(project) as work:
        digest = settle_data(work).digest
        manifest = work.fetch(digest, Manifest)
        export(work, find_snapshot(work, digest[:9]), target)
        for split, rows in manifest.splits.items():
            read = pq.read_table(target / split).to_pylist()
            assert [row["id"] for row in read] == [row.id for row in rows_of(work, split)]
            assert len(read) == rows
        with pytest.raises(UserError, match="not empty"):
            export(work, digest, target)
        with pytest.raises(NotFound, match="zz"):
            find_snapshot(work, "zz")


def test_an_exported_snapshot_opens_as_a_hugging_face_data_set(project: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    with Workspace.open(project) as work:
        manifest = work.fetch(settle_data(work).digest, Manifest)
        export(work, find_snapshot(work, "current"), tmp_path / "out")
    opened = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in opened.items()} == dict(manifest.splits)


def test_rows_are_a_sequence_that_is_read_part_by_part(project: Path) -> None:
    with Workspace.open(project) as work:
        settle_data(work)
        rows = rows_of(work, "train")
        all_rows = list(rows)
        assert len(rows) == len(all_rows) > 100
        assert [rows[0], rows[-1], rows[5:7]] == [all_rows[0], all_rows[-1], all_rows[5:7]]
        with pytest.raises(IndexError):
            rows[len(rows)]


def test_the_card_is_written_as_page_text_and_data(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(project) as work:
        settle_data(work)
    arguments = ["luthier", "data", "card", "--project", str(project), "--out", str(tmp_path / "card")]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    page = (tmp_path / "card" / "card.html").read_text()
    for told in ("<svg", "Characters of questions", "Rows left out, by reason", "empty_answer", "kind=k0", "<script"):
        assert (told in page) == (told != "<script")
    assert '<th scope="row">rows with an ideal answer</th><td>' in page
    assert "none was found in" in page, "nothing is left, so the chart shows no empty bars for it"
    assert "&#39;rows.jsonl&#39; does not state the `purpose`" in page
    assert json.loads((tmp_path / "card" / "card.json").read_text())["rows_in"] == 408
