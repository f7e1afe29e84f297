"""`luthier data build` on files made to hurt: one sentence, exit code 2, and nothing is kept."""

import gzip
import json
import pickle
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from luthier.data.readers import mail
from tests.flow.bad_input.test_hostile_data import CHAT, REFUSED, bomb, sparse
from tests.flow.lifecycle.play import Outcome, Project

PROJECT = """
project: hostile
charter:
  problem: What is refused?
  kpis: [{name: k, now: 0.1, target: "> 0.2", owner: nobody}]
  kill_criterion: {metric: k, must_reach: "> 0.1", within_weeks: 8}
data:
  sources: [{SOURCE, lawful_basis: contract}]
  pii: {action: mask, ner: "off", cleared_by: nobody, reason: nothing is said in these rows}
  gold: {size: 1}
variants:
  prompt: {model: base, prompt: prompt.md}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose only source is still to be named."""
    (tmp_path / "prompt.md").write_text("Answer.")
    (tmp_path / "clock").write_text("2026-03-02T09:00:00+00:00")
    return Project(tmp_path)


def built(project: Project, source: str) -> Outcome:
    (project.folder / "luthier.yaml").write_text(PROJECT.replace("SOURCE", source))
    return project.luthier("data", "build")


def check_refused(project: Project, source: str, what: str) -> None:
    """The build of `source` says `what` in one short message, and keeps nothing."""
    told = built(project, source)
    assert told.code == 2, told
    assert what in told.err
    assert "Traceback" not in told.err
    message = told.err[told.err.index("error: ") :]
    assert len(message.splitlines()) <= 3, message
    assert len(message) < 1_000
    assert project.counts() == (0, 0)


@pytest.mark.parametrize("name", REFUSED)
def test_no_file_that_inspect_refuses_is_built(project: Project, name: str) -> None:
    file_name, make, what = REFUSED[name]
    (project.folder / file_name).write_bytes(make())
    check_refused(project, f"path: {file_name}", what)


BAD_LINES = {
    "mixed encodings": ('{"messages": "gr\u00fcn"}'.encode("latin-1"), "not UTF-8"),
    "100,000 levels": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested deeper than 64"),
    "a key twice": (CHAT[:-1] + b', "messages": []}', "a key stands twice in one object"),
    "NaN": (CHAT[:-1] + b', "score": NaN}', "NaN and Infinity are no JSON"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_one_hostile_line_refuses_the_build_by_its_number(project: Project, name: str) -> None:
    line, what = BAD_LINES[name]
    (project.folder / "a.jsonl").write_bytes(b"\n".join([CHAT, line, CHAT]))
    check_refused(project, "path: a.jsonl", f"a.jsonl:2: {what}")


def test_a_line_of_64_megabytes_refuses_the_build(project: Project) -> None:
    sparse(project.folder / "a.jsonl", 64_000_000, after=CHAT)
    check_refused(project, "path: a.jsonl", "a.jsonl:2: longer than 4,000,000 bytes")


def test_a_byte_order_mark_is_built(project: Project) -> None:
    rows = [json.dumps({"messages": [{"role": "user", "content": f"Where is parcel number {n * 7919}?"},
                                     {"role": "assistant", "content": f"It waits at counter {n * 31}."}]})
            for n in range(5)]  # fmt: skip
    (project.folder / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + "\n".join(rows).encode())
    told = built(project, "path: a.jsonl")
    assert told.code == 0, told.err


def test_a_gzip_bomb_refuses_the_build(project: Project) -> None:
    with (project.folder / "a.jsonl.gz").open("wb") as sink:
        sink.writelines(bomb(100 << 20))
    check_refused(project, "path: a.jsonl.gz, format: chat", "unpacks to more than 200 times its size")


def test_a_mailbox_of_too_many_mails_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MAX_MAILS", 1_000)
    (project.folder / "a.mbox").write_bytes(b"From -\n\n" * 1_001)
    check_refused(project, "path: a.mbox, ours: [us@firm.example]", "more than 1,000 mails in one mailbox")


def nested(depth: int) -> bytes:
    """A mail whose parts hold parts hold parts."""
    head = b"From -\nFrom: us@firm.example\nMessage-ID: <1@x>\nSubject: Re: deep\nMIME-Version: 1.0\n"
    parts = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth))
    return head + parts + b"Content-Type: text/plain\n\nhello\n"


def test_a_mail_of_parts_within_parts_is_told(project: Project) -> None:
    (project.folder / "a.mbox").write_bytes(nested(20_000))
    check_refused(
        project, "path: a.mbox, ours: [us@firm.example]", "a.mbox:1: a mail of more than 100 parts within parts"
    )


def write_zeros(file: Path) -> None:
    """A Parquet file of a few kilobytes with a text of 300 MB."""
    pq.write_table(pa.table({"prompt": ["0" * 300_000_000], "completion": ["x"]}), file, compression="zstd")


def write_repeated(file: Path) -> None:
    """A Parquet file that holds a text of 6 MB once, and says it in a hundred thousand rows."""
    prompt = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["0" * 6_000_000]))
    table = pa.table({"prompt": prompt, "completion": ["x"] * 100_000})
    pq.write_table(table, file, compression="zstd", store_schema=False)


PARQUET: dict[str, tuple[Callable[[Path], None], str]] = {
    "a bomb": (write_zeros, "unpacks to more than 200 times its size"),
    "a text over and over": (write_repeated, "longer than 4,000,000 bytes"),
}


@pytest.mark.parametrize("name", PARQUET)
def test_a_parquet_file_of_absurd_size_is_told(project: Project, name: str) -> None:
    write, what = PARQUET[name]
    write(project.folder / "a.parquet")
    assert (project.folder / "a.parquet").stat().st_size < 1_000_000
    check_refused(project, "path: a.parquet", what)


def test_an_arrow_file_whose_offsets_lead_nowhere_is_told(project: Project) -> None:
    batch = pa.record_batch([pa.array(["hello"]), pa.array(["x"])], ["prompt", "completion"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content = sink.getvalue().to_pybytes()
    end_of_hello = content.rindex((5).to_bytes(4, "little"), 0, content.index(b"hello"))
    wild = (2_000_000_000).to_bytes(4, "little")
    (project.folder / "a.arrow").write_bytes(content[:end_of_hello] + wild + content[end_of_hello + 4 :])
    check_refused(project, "path: a.arrow", "no readable Arrow file")


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("sqlite:///nowhere.db", "does not exist"),
        ("postgresql+psycopg://127.0.0.1:9/db", "the database refused the query"),
        ("oracle9://x/y", "the address of the database cannot be used"),
    ],
)
def test_a_database_that_is_not_there_is_told(project: Project, url: str, what: str) -> None:
    check_refused(project, f'path: "{url}", query: select 1', what)


def test_a_query_that_writes_is_refused_whatever_it_begins_with_and_has_written_nothing(project: Project) -> None:
    with sqlite3.connect(project.folder / "a.db") as database:
        database.execute("create table t (prompt text, completion text)")
        database.execute("insert into t values ('hi', 'ho')")
    database.close()
    blunt = built(project, 'path: "sqlite:///a.db", query: delete from t')
    assert (blunt.code, "`query` is one SELECT" in blunt.err) == (2, True)
    sly = 'path: "sqlite:///a.db", query: "with x as (select 1) delete from t"'
    check_refused(project, sly, "the database refused the query")
    with sqlite3.connect(project.folder / "a.db") as database:
        assert database.execute("select count(*) from t").fetchone() == (1,)
    database.close()


def test_the_loading_script_of_a_dataset_does_not_run(project: Project) -> None:
    folder = project.folder / "set"
    folder.mkdir()
    mark = project.folder / "ran"
    (folder / "set.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (folder / "dataset_infos.json").write_text('{"default": {"builder_name": "set"}}')
    check_refused(project, "path: set", "is a folder without data files")
    (folder / "train.jsonl").write_bytes(CHAT)
    assert "set.py" not in built(project, "path: set").err
    assert not mark.exists()


def test_an_archive_of_pickles_opens_none(project: Project) -> None:
    with zipfile.ZipFile(project.folder / "a.zip", "w") as archive:
        for name in ("a.parquet", "b.arrow", "c.jsonl"):
            archive.writestr(name, pickle.dumps({"messages": []}))
    told = built(project, "path: a.zip")
    assert told.code == 2
    assert told.err.count("a pickle, which is never opened") == 3


def test_a_gzip_within_a_gzip_is_not_unpacked(project: Project) -> None:
    (project.folder / "a.jsonl.gz").write_bytes(gzip.compress(gzip.compress(CHAT)))
    check_refused(project, "path: a.jsonl.gz", "packed twice")
