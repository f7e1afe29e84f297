"""Tables: CSV, Parquet, Arrow and SQL give the rows that lines of JSON give."""

import io
import json
import pickle
import sqlite3
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from luthier.data.config import DataConfig, SourceConfig
from luthier.data.readers import Fault, origin_of, read_source, tables
from luthier.data.readers.parts import Record
from luthier.data.readers.tables import sql_records
from luthier.errors import MissingInput, UserError
from tests.unit.data.readers.conftest import Reading

HI_HO = [("user", "hi"), ("assistant", "ho")]
MESSAGES = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]


def parquet(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def arrow(rows: list[dict[str, object]], *, as_file: bool) -> bytes:
    sink, table = io.BytesIO(), pa.Table.from_pylist(rows)
    with (pa.ipc.new_file if as_file else pa.ipc.new_stream)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_cells_are_divided_by_what_the_header_holds(read: Reading, sign: str) -> None:
    found = read(f'prompt{sign}completion{sign}kind\r\nhi{sign}"ho"{sign}a\r\n', path="a.csv")
    assert found.texts == [HI_HO]
    assert found.rows[0]["strata"] == [("kind", "a")]


def test_a_cell_may_hold_lines_and_the_row_is_told_by_its_last(read: Reading) -> None:
    found = read('prompt,completion\n"a\n\nb",c\nd\n', path="a.csv")
    assert found.texts == [[("user", "a\n\nb"), ("assistant", "c")]]
    assert [(fault.line, fault.what) for fault in found.faults] == [(5, "1 cells where the header names 2")]


def test_a_csv_with_other_columns_names_them_and_can_be_mapped(read: Reading) -> None:
    content = "text,category\nWhere is it?,card_arrival\n"
    assert "['text', 'category'] fit no format" in read(content, "csv", path="a.csv").told[0]
    mapped = read(content, path="a.csv", columns={"prompt": "text", "completion": "category"})
    assert mapped.texts == [[("user", "Where is it?"), ("assistant", "card_arrival")]]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"prompt,completion\nhi,\xe9\n", "not UTF-8"),
        (b'prompt,completion\n"hi,ho\n', "no CSV"),
        (b"prompt,completion,prompt\n1,2,3\n", "names a column twice"),
    ],
)
def test_what_is_wrong_with_a_csv_is_told(read: Reading, content: bytes, why: str) -> None:
    assert why in read(content, "csv", path="a.csv").told[0]


@pytest.mark.parametrize(
    "pack", [parquet, lambda rows: arrow(rows, as_file=True), lambda rows: arrow(rows, as_file=False)]
)
def test_columns_hold_conversations_as_structures_or_as_json_text(read: Reading, pack: object) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  as tables keep it
    nested = read(pack([{"messages": MESSAGES, "date": at, "kind": None}]))  # type: ignore[operator]
    assert nested.texts == [HI_HO]
    assert nested.rows[0]["collected_on"].isoformat() == "2026-01-02"
    as_text = read(pack([{"messages": json.dumps(MESSAGES)}]))  # type: ignore[operator]
    assert as_text.texts == [HI_HO]


def test_a_parquet_file_is_read_batch_by_batch_with_its_row_numbers(read: Reading) -> None:
    found = read(parquet([{"prompt": f"p{number}", "completion": "c"} for number in range(700)]), path="a.parquet")
    assert [row["line"] for row in found.rows] == list(range(1, 701))


def test_a_text_that_is_held_once_and_said_in_every_row_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "FREE_TABLE_BYTES", 16 << 20)
    prompt = pa.DictionaryArray.from_arrays(pa.array([0] * 4_000, pa.int32()), pa.array(["0" * 100_000]))
    sink = io.BytesIO()
    pq.write_table(pa.table({"prompt": prompt, "completion": ["x"] * 4_000}), sink, store_schema=False)
    sink.seek(0)
    *rows, last = tables.parquet_records(sink)
    assert {type(row) for row in rows} == {Record}
    assert 100 < len(rows) < 1_000
    assert isinstance(last, Fault)
    assert "more than 1,000 times the file" in last.what


def test_a_column_that_unpacks_like_a_bomb_is_told_before_it_does() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"prompt": ["0" * 20_000_000], "completion": ["x"]}), sink, compression="zstd")
    sink.seek(0)
    (told,) = tables.parquet_records(sink)
    assert isinstance(told, Fault)
    assert "unpacks to more than 200 times its size" in told.what
    small = io.BytesIO()
    pq.write_table(pa.table({"prompt": ["0" * 2_000_000], "completion": ["x"]}), small, compression="zstd")
    small.seek(0)
    assert [type(found) for found in tables.parquet_records(small)] == [Record]


@pytest.mark.parametrize("name", ["parquet", "auto"])
def test_a_pickle_by_any_name_is_refused_unopened(read: Reading, name: str) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (pytest.fail, ("the pickle was opened",))

    content = pickle.dumps(Bomb())
    try:
        told = read(content, name, path="a.parquet").told[0]
    except UserError as refused:
        told = refused.message
    assert "looks like a pickle, which is never opened" in told


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1 and nothing more PAR1", parquet([{"a": 1}])[:-9]])
def test_a_broken_parquet_file_is_told_in_a_sentence(read: Reading, content: bytes) -> None:
    assert "no readable Parquet file" in read(content, "parquet", path="a.parquet").told[0]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "desk.db") as opened:
        opened.execute("CREATE TABLE mails (id TEXT, asked TEXT, answer TEXT, at TEXT)")
        opened.executemany(
            "INSERT INTO mails VALUES (?, ?, ?, ?)", [("m1", "hi", "ho", "2026-01-02"), ("m2", "a", None, None)]
        )
    opened.close()
    return tmp_path


def test_a_query_is_a_source(database: Path) -> None:
    section = SourceConfig(
        path="sqlite:///desk.db", lawful_basis="contract",
        query="SELECT id, asked AS prompt, answer, at AS date FROM mails",
        columns={"completion": "answer"},
    )  # fmt: skip
    origin = origin_of(section, DataConfig(sources=(section,)))
    items = [item.content for item in read_source(section, origin, folder=database)]
    (batch,) = [item for item in items if not isinstance(item, Fault)]
    assert [(row["id"], row["line"], str(row["collected_on"])) for row in batch.to_pylist()] == [
        ("m1", 1, "2026-01-02")
    ]
    assert [item.what for item in items if isinstance(item, Fault)] == ["`completion` is missing"]


def test_a_query_cannot_write(database: Path) -> None:
    with pytest.raises(MissingInput):
        list(sql_records(f"sqlite:///{database / 'desk.db'}", "WITH x AS (SELECT 1) DELETE FROM mails"))
    with sqlite3.connect(database / "desk.db") as opened:
        assert opened.execute("SELECT count(*) FROM mails").fetchone() == (2,)
    opened.close()


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    section = SourceConfig(path="sqlite:///no.db", lawful_basis="contract", query="SELECT 1")
    with pytest.raises(MissingInput, match=r"no\.db"):
        list(read_source(section, origin_of(section, DataConfig(sources=(section,))), folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_no_driver_knows_is_told_without_it() -> None:
    with pytest.raises(UserError) as told:
        list(sql_records("nosuchdb://user@host/x", "SELECT 1"))
    assert "user" not in told.value.message
