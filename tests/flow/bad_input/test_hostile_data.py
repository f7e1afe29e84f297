"""Files made to hurt: each is told in one sentence, within a bounded time and a bounded memory.

Files that could fill the memory go through `luthier data inspect` in a process of their own, which may take no more
than `MEMORY` of address space beside its libraries, and no more than `SECONDS`.
"""

import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from luthier.data.inspect import inspect, section_for
from luthier.errors import UserError

CHAT = json.dumps({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}).encode()
MEMORY = 1_000_000_000
"""Bytes that the process may take beside its libraries: a quarter of what a laptop has."""
LIBRARIES = 3_000_000_000
"""Address space that numpy and Arrow reserve at import (most of it never touched)."""
SECONDS = 300
SCRIPT = f"""
import resource, sys
import numpy, pyarrow, luthier.data.inspect
resource.setrlimit(resource.RLIMIT_AS, ({LIBRARIES + MEMORY}, {LIBRARIES + MEMORY}))
from luthier.cli.main import main
sys.argv = ["luthier", "data", "inspect", *sys.argv[1:]]
try:
    main()
finally:
    # VmHWM counts from exec on; ru_maxrss would begin with what the parent held when it forked
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1], file=sys.stderr)
"""


class Told(NamedTuple):
    """What one run of the command came to."""

    code: int
    out: str
    err: str
    peak_kilobytes: int


def told_of(file: Path, *options: str) -> Told:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(file), *options],
        capture_output=True, text=True, timeout=SECONDS, check=False, env=environment,
    )  # fmt: skip
    *err, peak = done.stderr.splitlines()
    return Told(done.returncode, done.stdout, "\n".join(err), int(peak.split()[-1]))


def packed(name: str, content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return sink.getvalue()


def table(**columns: list[object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


class Trap:
    """Fails the test that opens its pickle."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("the pickle was opened",))


BAD_LINE: dict[str, tuple[bytes, str]] = {
    "mixed encodings": ('{"messages": "grün"}'.encode("latin-1"), "2: not UTF-8"),
    "deep JSON": (b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "2: nested deeper than 64"),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "2: nested deeper than 64"),
    "duplicate keys": (CHAT[:-1] + b', "messages": []}', "2: a key stands twice in one object"),
    "NaN": (CHAT[:-1] + b', "score": NaN}', "2: NaN and Infinity are no JSON"),
    "Infinity": (CHAT[:-1] + b', "score": -Infinity}', "2: NaN and Infinity are no JSON"),
    "half a character": (CHAT.replace(b"hi", b"\\ud800"), "2: no JSON at character"),
}


@pytest.mark.parametrize("name", BAD_LINE)
def test_a_hostile_line_is_named_and_the_lines_around_it_are_read(tmp_path: Path, name: str) -> None:
    line, what = BAD_LINE[name]
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\n".join([CHAT, line, CHAT]))
    found = inspect(section_for(path=str(file)))
    assert (found.rows, found.faults) == (2, 1)
    assert what in found.first_faults[0]


REFUSED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "UTF-16": ("a.jsonl", lambda: CHAT.decode().encode("utf-16"), "UTF-16 text; save it as UTF-8"),
    "an empty file": ("a.jsonl", lambda: b"", "the file is empty"),
    "a million columns": ("a.csv", lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n1\n", "longer than"),
    "a million nameless columns": ("a.csv", lambda: b"," * 1_000_000 + b"\n1\n", "more than 1,000 columns"),
    "a pickle named .parquet": ("a.parquet", lambda: pickle.dumps(Trap()), "a pickle, which is never opened"),
    "a pickle in an archive": ("a.zip", lambda: packed("x.pkl", pickle.dumps(Trap())), "a pickle, which is never"),
    "wrong columns": ("a.parquet", lambda: table(a=[1], b=["x"]), "has the fields ['a', 'b']"),
    "no Parquet": ("a.parquet", lambda: b"PAR1" + b"\0" * 100, "no readable Parquet file"),
    "packed twice": ("a.jsonl.gz", lambda: gzip.compress(gzip.compress(CHAT)), "packed twice"),
    "a gzip cut short": ("a.jsonl.gz", lambda: gzip.compress(os.urandom(9_000))[:-3_000], "cannot be unpacked"),
    "no zip": ("a.zip", lambda: b"PK\x03\x04" + b"junk" * 20, "begins as a zip archive and is none"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    file_name, make, what = REFUSED[name]
    file = tmp_path / file_name
    file.write_bytes(make())
    with pytest.raises(UserError) as told:
        inspect(section_for(path=str(file)))
    assert what in told.value.message
    assert told.value.message.count("\n") <= 1


def test_a_byte_order_mark_is_nothing_to_complain_of(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + CHAT)
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfprompt,completion\r\nhi,ho\r\n")
    for name in ("a.jsonl", "a.csv"):
        found = inspect(section_for(path=str(tmp_path / name)))
        assert (found.rows, found.faults) == (1, 0)


def test_a_folder_without_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder without data files"):
        inspect(section_for(path=str(tmp_path)))


def sparse(file: Path, size: int, *, after: bytes = b"") -> Path:
    """A file that begins as a chat, has a line of `size` zero bytes, which take no room, and ends in `after`."""
    with file.open("wb") as sink:
        sink.write(CHAT + b'\n{"messages": "')
        sink.seek(size, io.SEEK_CUR)
        sink.write(b'"}\n' + after)
    return file


def bomb(size: int) -> Iterator[bytes]:
    """A gzip of `size` zero bytes, piece by piece."""
    sink = io.BytesIO()
    with gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=6) as packer:
        for _ in range(size // (1 << 20)):
            packer.write(bytes(1 << 20))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def check_long_line(tmp_path: Path, size: int) -> None:
    told = told_of(sparse(tmp_path / "a.jsonl", size, after=CHAT), "--json")
    found = json.loads(told.out)
    assert (told.code, found["rows"], found["faults"]) == (0, 2, 1)
    assert found["first_faults"][0].endswith("a.jsonl:2: longer than 4,000,000 bytes")
    assert told.peak_kilobytes < 500_000


def test_a_line_of_64_megabytes_is_told_and_the_next_one_is_read(tmp_path: Path) -> None:
    check_long_line(tmp_path, 64_000_000)


@pytest.mark.slow
def test_a_line_of_a_gigabyte_takes_no_more_memory_than_a_shorter_one(tmp_path: Path) -> None:
    check_long_line(tmp_path, 1_000_000_000)


def test_a_single_line_without_an_end_in_every_container_is_told(tmp_path: Path) -> None:
    for name, start in (
        ("a.json", b'[{"messages": "'),
        ("a.csv", b'prompt,completion\n"'),
        ("b.json", b'{"messages": "'),
    ):
        with (tmp_path / name).open("wb") as sink:
            sink.write(start)
            sink.seek(64_000_000, io.SEEK_CUR)
            sink.write(b".")
        told = told_of(tmp_path / name, "--format", "csv" if name.endswith("csv") else "chat")
        assert "Traceback" not in told.err, name
        assert told.code in {0, 2}, name
        assert "faults: 1" in told.out or "1 fault" in told.err, name
        assert told.peak_kilobytes < 500_000, name


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.zip"])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    with file.open("wb") as sink:
        if name.endswith("gz"):
            sink.writelines(bomb(100 << 20))
        else:
            with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.jsonl", "w") as member:
                for _ in range(100):
                    member.write(bytes(1 << 20))
    assert file.stat().st_size < 500_000
    told = told_of(file, "--format", "chat")
    assert told.code == 2
    assert "unpacks to more than 200 times its size" in told.err
    assert told.peak_kilobytes < 500_000


def test_the_limit_on_memory_is_a_limit(tmp_path: Path) -> None:
    hoard = SCRIPT.replace("    main()", "    bytearray(4_500_000_000)")
    done = subprocess.run([sys.executable, "-c", hoard], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert "MemoryError" in done.stderr
