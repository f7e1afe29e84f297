"""Sources: files, folders, archives and addresses; each row knows which file it is from."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from luthier.data.config import DataConfig, SourceConfig
from luthier.data.readers import Fault, Item, origin_of, parts_of, pieces_of_part, read_part, read_source
from luthier.data.readers.sources import shown
from luthier.errors import Faults, MissingInput, UserError

CHAT = json.dumps({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]})


def items(path: str, folder: Path = Path(), **more: Any) -> Iterator[Item]:
    section = SourceConfig(path=path, lawful_basis="contract", **more)
    return read_source(section, origin_of(section, DataConfig(sources=(section,))), folder=folder)


def ids(path: str, folder: Path = Path(), **more: Any) -> list[str]:
    found = list(items(path, folder, **more))
    assert [item.content for item in found if isinstance(item.content, Fault)] == []
    return [row_id for item in found for row_id in item.content["id"].to_pylist()]


def test_a_path_is_relative_to_the_project_and_ids_are_not_longer_for_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f"{CHAT}\n{CHAT}\n")
    assert ids("a.jsonl", tmp_path) == ["a.jsonl:1", "a.jsonl:2"]


def test_a_gzip_and_an_archive_give_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(CHAT.encode()))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("one.jsonl", CHAT)
        archive.writestr("deep/two.csv", "prompt,completion\nhi,ho\n")
        archive.writestr("__MACOSX/one.jsonl", "junk")
    assert ids("a.jsonl.gz", tmp_path) == ["a.jsonl.gz:1"]
    assert ids("b.zip", tmp_path) == ["b.zip/deep/two.csv:2", "b.zip/one.jsonl:1"]


def test_an_address_is_read_through_fsspec_also_as_a_folder() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe(
        {"/bucket/data/a.jsonl": CHAT.encode(), "/bucket/data/b.jsonl": CHAT.encode(), "/bucket/data/notes.md": b"#"}
    )
    try:
        assert ids("memory://bucket/data/a.jsonl") == ["memory://bucket/data/a.jsonl:1"]
        assert ids("memory://bucket/data") == ["memory://bucket/data/a.jsonl:1", "memory://bucket/data/b.jsonl:1"]
        with pytest.raises(MissingInput, match="does not exist"):
            list(items("memory://bucket/none.jsonl"))
    finally:
        memory.rm("/bucket", recursive=True)


def test_a_protocol_that_nobody_knows_is_told() -> None:
    with pytest.raises(MissingInput, match="cannot be opened"):
        list(items("nosuch://bucket/a.jsonl"))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two splits as `datasets` saves them to disk: arrow streams, a state beside each, a cache that is none of them."""
    for split in ("train", "test"):
        folder = tmp_path / "saved" / split
        folder.mkdir(parents=True)
        table = pa.Table.from_pylist([{"prompt": split, "completion": "ho"}])
        for name in ("data-00000-of-00001.arrow", "cache-1234.arrow"):
            with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
        (folder / "state.json").write_text('{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}')
        (folder / "dataset_info.json").write_text("{}")
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return tmp_path


def test_a_saved_data_set_is_read_split_by_split_and_never_its_test_rows_by_accident(saved: Path) -> None:
    with pytest.raises(UserError, match=r"\['test', 'train'\]"):
        list(items("saved", saved))
    assert ids("saved", saved, split="train") == ["saved/train/data-00000-of-00001.arrow:1"]
    assert ids("saved/train", saved) == ["saved/train/data-00000-of-00001.arrow:1"]
    with pytest.raises(UserError, match="no split 'dev'"):
        list(items("saved", saved, split="dev"))


def test_a_folder_as_the_hub_lays_it_out_is_read_by_the_names_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "hub" / "data").mkdir(parents=True)
    for split in ("train", "test"):
        table = pa.Table.from_pylist([{"prompt": split, "completion": "ho"}])
        pq.write_table(table, tmp_path / "hub" / "data" / f"{split}-00000-of-00001.parquet")
    assert ids("hub", tmp_path, split="test") == ["hub/data/test-00000-of-00001.parquet:1"]


def test_a_folder_of_single_mails_is_one_mailbox(tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    head = "From: {0}\nMessage-ID: <{1}@x>\nIn-Reply-To: <{2}@x>\nSubject: s\n\n{3}\n"
    (tmp_path / "mails" / "1.eml").write_text(head.format("a@kunde.example", 1, 0, "From here on?"))
    (tmp_path / "mails" / "2.eml").write_text(head.format("d@firm.example", 2, 1, "Yes."))
    (item,) = items("mails", tmp_path, ours=("@firm.example",))
    assert item.content["messages"].to_pylist()[0][0]["content"] == "s\n\nFrom here on?"


def test_pieces_of_a_part_are_its_rows_and_other_files_have_none(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f"{CHAT}\n" * 40)
    (tmp_path / "a.json").write_text(f"[{CHAT}]")
    section = SourceConfig(path="a.jsonl", lawful_basis="contract")
    origin = origin_of(section, DataConfig(sources=(section,)))
    (part,) = parts_of(section, folder=tmp_path)
    pieces = list(pieces_of_part(part, piece_bytes=1_000))
    assert len(pieces) > 1
    read = [
        row_id
        for piece in pieces
        for item in read_part(part, "chat", origin, piece)
        for row_id in item.content["id"].to_pylist()
    ]
    assert read == [f"a.jsonl:{line}" for line in range(1, 41)]
    (other,) = parts_of(section.model_copy(update={"path": "a.json"}), folder=tmp_path)
    assert list(pieces_of_part(other, piece_bytes=1_000)) == []


def test_an_empty_folder_and_an_empty_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(UserError, match="folder without data files"):
        list(items("empty", tmp_path))
    with pytest.raises(Faults, match="the file is empty"):
        list(items("empty.jsonl", tmp_path))


def test_a_password_in_an_address_is_refused_and_never_shown() -> None:
    with pytest.raises(ValueError, match="holds a password"):
        SourceConfig(path="postgresql://me:hunter2@host/db", lawful_basis="contract", query="SELECT 1")
    assert shown("s3://key:secret@bucket/x") == "s3://key:***@bucket/x"


@pytest.mark.parametrize("query", ["DELETE FROM x", "SELECT 1; DROP TABLE x", "  "])
def test_a_query_that_could_write_is_refused_with_the_project_file(query: str) -> None:
    with pytest.raises(ValueError, match=r"SELECT|at least 1"):
        SourceConfig(path="sqlite:///x.db", lawful_basis="contract", query=query)


def test_a_bomb_within_an_archive_is_refused_soon() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.jsonl", "w") as member:
        for _ in range(300):
            member.write(b"\n" * 1_000_000)
    memory = fsspec.filesystem("memory")
    memory.pipe("/bomb.zip", packed.getvalue())
    try:
        with pytest.raises(UserError, match="unpacks to more than 200 times its size"):
            list(items("memory://bomb.zip", format="chat"))
    finally:
        memory.rm("/bomb.zip")


@pytest.mark.parametrize(
    ("record", "hint"),
    [
        ({"text": "where is it?", "category": "lost"}, "columns: {prompt: text, completion: category}"),
        ({"Question": "q", "Answer": "a", "url": "u"}, "--column prompt=Question --column completion=Answer"),
        ({"filename": "a.txt", "text": "whereas"}, "no field looks like an answer to 'text'"),
        ({"a": "x", "b": "y"}, "name its `format`"),
    ],
)
def test_fields_that_fit_no_format_are_told_with_a_mapping_to_try(
    tmp_path: Path, record: dict[str, str], hint: str
) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    with pytest.raises(Faults) as told:
        list(items("a.jsonl", tmp_path))
    assert hint in str(told.value.hint)
