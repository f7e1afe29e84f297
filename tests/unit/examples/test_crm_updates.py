"""The shipped example: deterministic, solvable, and clean unless something is planted."""

import hashlib
import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sklearn.feature_extraction.text import CountVectorizer

from luthier.domain.calls import ToolSpec, parse_call
from luthier.variants.config import RetrievalConfig
from luthier.variants.retrieval.index import Index

EXAMPLE = Path(__file__).parents[3] / "examples" / "crm-updates"
Row = dict[str, Any]


def generate(out: Path, *options: str) -> list[Row]:
    command = [sys.executable, str(EXAMPLE / "generate.py"), "--out", str(out), "--seed", "7", *options]
    subprocess.run(command, check=True, capture_output=True)
    return [json.loads(line) for line in (out / "emails.jsonl").read_text(encoding="utf-8").splitlines()]


def asked(row: Row) -> str:
    return str(row["messages"][0]["content"])


def ideal(row: Row) -> str:
    return str(row["messages"][1]["content"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("crm")
    generate(out)
    return out


@pytest.fixture(scope="module")
def raw(folder: Path) -> list[Row]:
    return [json.loads(line) for line in (folder / "emails.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def rows(raw: list[Row]) -> list[Row]:
    """Rows that kept their text, each conversation once."""
    whole = [row for row in raw if asked(row) and ideal(row)]
    return list({(asked(row), ideal(row)): row for row in whole}.values())


@pytest.fixture(scope="module")
def tools() -> list[ToolSpec]:
    return [ToolSpec.model_validate(tool) for tool in json.loads((EXAMPLE / "tools.json").read_text(encoding="utf-8"))]


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The example's own module; its neighbours leave again, as other examples may use the same names."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    before = set(sys.modules)
    yield importlib.import_module("traffic")
    for name in set(sys.modules) - before:
        if str(EXAMPLE) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def test_the_same_seed_gives_the_same_bytes_and_a_second_run_rewrites_nothing(folder: Path, tmp_path: Path) -> None:
    def digests(where: Path) -> dict[str, str]:
        files = [path for path in where.rglob("*") if path.is_file()]
        return {str(path.relative_to(where)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    generate(tmp_path)
    assert digests(tmp_path) == digests(folder)
    written = (tmp_path / "emails.jsonl").stat().st_mtime_ns
    generate(tmp_path)
    assert (tmp_path / "emails.jsonl").stat().st_mtime_ns == written


def test_every_ideal_answer_is_a_call_that_the_tools_accept(rows: list[Row], tools: list[ToolSpec]) -> None:
    assert len(rows) > 5_500
    assert {row["id"]: parse_call(ideal(row), tools).fault for row in rows} == dict.fromkeys(r["id"] for r in rows)


def test_ids_are_unique_and_about_four_in_ten_rows_need_a_fact(raw: list[Row]) -> None:
    assert len({row["id"] for row in raw}) == len(raw) == 6_000
    needing = sum(row["metadata"]["needs_fact"] == "yes" for row in raw)
    assert 0.35 <= needing / len(raw) <= 0.45


def test_an_account_id_stands_in_the_email_exactly_when_no_fact_is_needed(rows: list[Row]) -> None:
    with_id = [row for row in rows if "account_id" in json.loads(ideal(row))["arguments"]]
    for row in with_id:
        stated = json.loads(ideal(row))["arguments"]["account_id"] in asked(row)
        assert stated == (row["metadata"]["needs_fact"] == "no")
    assert len(with_id) > 1_700


def test_every_other_value_is_a_named_choice_or_copied_from_the_email(rows: list[Row], tools: list[ToolSpec]) -> None:
    schemas = {tool.name: json.loads(json.dumps(dict(tool.parameters)))["properties"] for tool in tools}
    for row in rows:
        call = json.loads(ideal(row))
        for name, value in call["arguments"].items():
            assert name == "account_id" or "enum" in schemas[call["name"]][name] or value in asked(row)


def test_no_call_is_common_enough_to_guess(rows: list[Row]) -> None:
    (_, most), *_ = Counter(ideal(row) for row in rows).most_common(1)
    assert most / len(rows) < 0.01


def test_search_shows_the_account_among_four_passages(folder: Path, rows: list[Row]) -> None:
    index = Index.of_folder(folder / "kb", RetrievalConfig(documents="kb"))
    needing = [row for row in rows if row["metadata"]["needs_fact"] == "yes"]
    wanted = [json.loads(ideal(row))["arguments"]["account_id"] for row in needing]
    found = sum(
        any(account in passage.text for passage in index.search(asked(row), 4))
        for row, account in zip(needing, wanted, strict=True)
    )
    assert found / len(needing) >= 0.99


def test_clean_rows_are_far_apart_or_agree_on_the_call(rows: list[Row]) -> None:
    """No two e-mails share more than half of their word triples and yet want different calls."""
    counts = CountVectorizer(binary=True, ngram_range=(3, 3), token_pattern=r"\w+")
    shingles = counts.fit_transform([asked(row) for row in rows]).astype("float32")
    sizes = shingles.sum(axis=1).A1
    shared = (shingles @ shingles.T).tocoo()
    union = sizes[shared.row] + sizes[shared.col] - shared.data
    close = (shared.row < shared.col) & (shared.data / union > 0.5)
    pairs = list(zip(shared.row[close], shared.col[close], strict=True))
    assert 80 < len(pairs) < 350, "the planted near duplicates, and nothing else"
    assert all(ideal(rows[one]) == ideal(rows[other]) for one, other in pairs)


def test_the_long_prompt_names_every_tool_argument_and_choice(tools: list[ToolSpec]) -> None:
    words = set(re.findall(r"\w+", (EXAMPLE / "prompts" / "crm.md").read_text(encoding="utf-8")))
    for tool in tools:
        properties = json.loads(json.dumps(dict(tool.parameters)))["properties"]
        wanted = {tool.name, *properties, *(choice for each in properties.values() for choice in each.get("enum", ()))}
        assert wanted <= words


@pytest.mark.parametrize("kind", ["contradictions", "leakage", "secrets"])
def test_planted_rows_are_counted_marked_and_listed(kind: str, tmp_path: Path) -> None:
    rows = generate(tmp_path, "--rows", "300", "--plant", kind, "12")
    planted = [row for row in rows if row["metadata"].get("planted") == kind]
    listed = json.loads((tmp_path / "planted.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in planted] == [entry["id"] for entry in listed]
    assert (len(planted), len(rows)) == (12, 312)


def test_a_planted_contradiction_changes_the_call_but_hardly_the_email(tmp_path: Path) -> None:
    rows = generate(tmp_path, "--rows", "300", "--plant", "contradictions", "12")
    calls: dict[str, set[str]] = {}
    for row in rows:
        calls.setdefault(asked(row).removesuffix(" Ta!"), set()).add(ideal(row))
    planted = [row for row in rows if "planted" in row["metadata"]]
    assert all(len(calls[asked(row).removesuffix(" Ta!")] - {""}) == 2 for row in planted)


def test_traffic_replays_rises_in_time_and_is_solved_by_its_ideal_only(traffic: Any) -> None:
    start = datetime(2026, 1, 5, 8, tzinfo=UTC)
    stream = list(traffic.requests(200, seed=3, start=start))
    assert stream == list(traffic.requests(200, seed=3, start=start))
    assert [request.at for request in stream] == sorted(request.at for request in stream)
    assert all(traffic.is_solved(request.ideal.replace(": ", ":"), request.ideal) for request in stream)
    assert not any(traffic.is_solved(one.ideal, other.ideal) for one, other in pairwise(stream))
    assert not traffic.is_solved(None, stream[0].ideal)


def test_traffic_asks_about_customers_that_the_knowledge_base_holds(folder: Path, traffic: Any) -> None:
    known = "".join(path.read_text(encoding="utf-8") for path in (folder / "kb").glob("*.md"))
    stream = list(traffic.requests(100, seed=5, start=datetime(2026, 1, 5, tzinfo=UTC)))
    ids = [json.loads(request.ideal)["arguments"].get("account_id") for request in stream]
    assert sum(each is not None for each in ids) > 30
    assert all(each is None or each in known for each in ids)
