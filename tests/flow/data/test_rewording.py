"""Semantic duplicates in a build: shown, dropped or not looked for; the same in one process and in two."""

import json
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from luthier.data import semantic
from luthier.data.executors.executor import opened
from luthier.data.plan import reading
from luthier.data.plan.reading import source_digest
from luthier.data.stage import run
from luthier.data.types import DataResult, SourceFile
from tests.flow.data import made

TWINS = [
    ("I want to buy a house", "I want to purchase a home"),
    ("My doctor was angry", "My physician was furious"),
    ("Please repair the error in the film", "Please fix the mistake in the movie"),
    ("When does the car begin", "When does the automobile start"),
]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows of different words and two labels, and four pairs that say the same in other words under a third."""
    monkeypatch.setattr(reading, "PIECE_BYTES", made.PIECE_BYTES)
    rng = Random(5)
    told = [(f"{' '.join(rng.choices(made.WORDS, k=14))} {rng.randrange(10**6)}", f"label {n % 2}") for n in range(300)]
    told += [(asked, "cancelled") for twins in TWINS for asked in twins]
    lines = [
        {"id": f"r{n}", "metadata": {"kind": "k", "customer": f"c{n}"},
         "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": ideal}]}
        for n, (asked, ideal) in enumerate(told)
    ]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return tmp_path


def build(folder: Path, work: str, *, workers: int = 1, **duplicates: object) -> DataResult:
    settings = made.config(duplicates=duplicates, gold={"size": 20})
    (section,) = settings.sources
    source = SourceFile(
        path=section.path, folder=folder, file_digest=source_digest(section, folder), config=section
    )  # fmt: skip
    with opened("local", workers=workers, size_bytes=10**9) as executor:
        return run(made.Silent(), settings, [source], project="p", salt="s", folder=folder / work, executor=executor)


def similar(result: DataResult) -> set[tuple[str, str]]:
    return {(row["first"], row["id"]) for row in pq.read_table(result.folder / "similar.parquet").to_pylist()}


EXPECTED = {(f"r{300 + 2 * n}", f"r{301 + 2 * n}") for n in range(len(TWINS))}


def test_a_report_names_every_cluster_and_leaves_every_row_in(rows: Path) -> None:
    result = build(rows, "one")
    assert similar(result) == EXPECTED
    assert result.card.reworded == {2: len(TWINS)}
    assert "Rows that said the same in other words" in result.card.markdown()
    assert "semantic_duplicate" not in result.manifest.dropped


def test_the_first_of_each_cluster_stays_where_the_others_are_dropped(rows: Path) -> None:
    result = build(rows, "one", semantic="drop")
    dropped = pq.read_table(result.folder / "dropped.parquet").to_pylist()
    told = {(row["detail"], row["id"]) for row in dropped if row["reason"] == "semantic_duplicate"}
    assert told == EXPECTED
    assert result.manifest.dropped["semantic_duplicate"] == len(TWINS)
    assert similar(result) == set()


def test_nothing_is_looked_for_where_it_is_off_and_less_is_found_from_a_higher_threshold_on(rows: Path) -> None:
    assert build(rows, "one", semantic="off").card.reworded == {}
    assert build(rows, "one", semantic_threshold=1.0).card.reworded == {}


def test_two_processes_and_a_second_run_over_what_the_first_left_give_the_same_bytes(
    rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semantic, "_GROUP", 64)  # several portions, or a pool would have one task
    one = made.outcome(build(rows, "one", semantic="drop"))
    assert made.outcome(build(rows, "two", semantic="drop", workers=2)) == one
    assert made.outcome(build(rows, "one", semantic="drop")) == one
