"""A project's knowledge bases are indexed once for everybody, and measured as they would be searched."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from luthier.lifecycle.answering import Variants
from luthier.lifecycle.knowledge import measured_search, open_index
from luthier.lifecycle.workspace import Workspace
from luthier.variants.retrieval.kept import Recut

PROJECT = """
project: tiny
charter: {problem: Turn e-mails into calls.}
models: {old: {engine: recorded, id: old.jsonl}}
retrieval: {kb: {documents: kb}}
data: {sources: [{path: rows.jsonl, lawful_basis: contract}]}
variants: {before: {model: old, prompt: prompt.md, retrieval: kb}}
"""


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "luthier.yaml").write_text(PROJECT)
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "prompt.md").write_text("Be brief.")
    (tmp_path / "old.jsonl").write_text('{"question": "q", "answer": "a"}\n')
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "bolts.md").write_text("# Bolts\n\nBolts cost 4 euro.\n")
    (tmp_path / "kb" / "nuts.md").write_text("# Nuts\n\nNuts are free.\n")
    with Workspace.open(tmp_path) as opened:
        yield opened


def test_a_second_look_cuts_only_what_changed(work: Workspace) -> None:
    section = work.config.retrieval["kb"]
    assert open_index(work, "kb", section).recut == Recut(documents=2, cut=2, kept=0, gone=0)
    (work.loaded.folder / "kb" / "nuts.md").write_text("# Nuts\n\nNuts cost 1 euro.\n")
    assert open_index(work, "kb", section).recut == Recut(documents=2, cut=1, kept=1, gone=1)


def test_a_search_is_measured_on_labels_with_its_interval(work: Workspace) -> None:
    labels = work.loaded.folder / "labels.jsonl"
    label = {"question": "price of bolts", "documents": ["bolts.md"], "quotes": ["cost 4 euro"]}
    labels.write_text(json.dumps(label))
    found = measured_search(work, "kb", work.config.retrieval["kb"], labels)
    assert (found.overall["recall@5"].value, found.overall["ndcg@10"].value, found.search) == (1.0, 1.0, "hybrid")
    assert found.asked[0].rank == 1


def test_another_file_of_recorded_answers_is_another_variant(work: Workspace) -> None:
    before = Variants(work, lambda: ()).of("before")
    (work.loaded.folder / "old.jsonl").write_text('{"question": "q", "answer": "b"}\n')
    assert Variants(work, lambda: ()).of("before").digest != before.digest
    assert before.retrieval is not None
