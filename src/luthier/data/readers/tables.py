"""Records of tables: CSV, Parquet and Arrow files, and whatever SQLAlchemy can ask."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from luthier.data.readers.arrow_messages import Torn, Weight, weights
from luthier.data.readers.parts import MAX_ROW_BYTES, Fault, Object, Record, Records
from luthier.data.readers.streams import MAX_RATIO, seekable
from luthier.domain.value import Json
from luthier.errors import MissingInput, UserError

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

MAX_COLUMNS = 1_000
_TABLE_ROWS = 256
_PARQUET_ROWS = 32
"""A value that Parquet holds once and repeats takes its room in every row of a batch."""
_FREE_COLUMN_BYTES = 8 << 20
"""Columns of fewer bytes may unpack as far as they like."""
FREE_TABLE_BYTES, _MAX_REPEATED = 1 << 30, 1_000
"""A table may hold a prompt once and say it in every row, but not for ever."""
_ARROW_FILE_HEAD = 8
_CONNECT_SECONDS = 15
_DELIMITERS = ",;\t"


class _TooLong(Exception):
    """A line is longer than any row may be."""


def csv_records(stream: BinaryIO) -> Records:
    """Rows of a CSV file with a header; cells are divided by what the header holds most of: comma, semicolon or tab."""
    csv.field_size_limit(MAX_ROW_BYTES)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        header = _bounded_line(text)
        delimiter = max(_DELIMITERS, key=header.count)
        if header.count(delimiter) >= MAX_COLUMNS:
            yield Fault(line=1, what=f"the header names more than {MAX_COLUMNS:,} columns")
            return
        yield from _csv_rows(text, header, delimiter)
    except _TooLong:
        yield Fault(line=1, what=f"longer than {MAX_ROW_BYTES:,} bytes")
    finally:
        text.detach()


def _csv_rows(text: io.TextIOWrapper, header: str, delimiter: str) -> Records:
    table = csv.reader(_lines_from(header, text), strict=True, delimiter=delimiter)
    try:
        head = [cell.strip() for cell in next(table, [])]
        if len(set(head)) < len(head):
            yield Fault(line=1, what="the header names a column twice")
            return
        for cells in table:
            if cells:
                yield _csv_row(table.line_num, head, cells)
    except csv.Error as fault:
        yield Fault(line=table.line_num, what=f"no CSV: {fault}")
    except _TooLong:
        yield Fault(line=table.line_num + 1, what=f"longer than {MAX_ROW_BYTES:,} bytes; nothing after it was read")


def _csv_row(line: int, head: list[str], cells: list[str]) -> Record | Fault:
    if len(cells) != len(head):
        return Fault(line=line, what=f"{len(cells):,} cells where the header names {len(head):,}")
    if any(not cell.isascii() and any("\udc80" <= char <= "\udcff" for char in cell) for cell in cells):
        return Fault(line=line, what="not UTF-8")
    row: Object = {name: cell for name, cell in zip(head, cells, strict=True) if cell or name in _TEXTS}
    return Record(line, row, sum(map(len, cells)))


_TEXTS = frozenset({"prompt", "completion", "instruction", "output", "chosen", "rejected", "draft", "edited"})
"""Columns that are there also where they are empty, so that cleaning can count the row as empty."""


def _lines_from(header: str, text: io.TextIOWrapper) -> Iterator[str]:
    line = header
    while line:
        yield line
        line = _bounded_line(text)


def _bounded_line(text: io.TextIOWrapper) -> str:
    line = text.readline(MAX_ROW_BYTES + 1)
    if len(line) > MAX_ROW_BYTES:
        raise _TooLong
    return line


def parquet_records(stream: BinaryIO) -> Records:
    """Rows of a Parquet file; anything else that bears its name is told and not opened."""
    with seekable(stream) as file:
        head = file.read(4)
        file.seek(0)
        if head == b"PAR1":
            yield from _parquet_rows(file)
        else:
            what_else = "; it looks like a pickle, which is never opened" if head[:1] == b"\x80" else ""
            yield Fault(line=1, what=f"no Parquet file{what_else}")


def _parquet_rows(stream: BinaryIO) -> Records:
    import pyarrow.parquet as pq  # noqa: PLC0415  only where there is such a file

    try:
        file = pq.ParquetFile(stream)
        if file.metadata.num_columns > MAX_COLUMNS:
            yield Fault(line=1, what=f"the file has more than {MAX_COLUMNS:,} columns")
            return
        if _is_bomb(file.metadata):
            yield Fault(line=1, what=f"a column unpacks to more than {MAX_RATIO} times its size, as bombs do")
            return
        yield from _of_batches(file.iter_batches(batch_size=_PARQUET_ROWS), _size_of(stream))
    except (pa.ArrowException, OSError) as fault:
        yield Fault(line=1, what=f"no readable Parquet file ({type(fault).__name__})")


def _is_bomb(metadata: "FileMetaData") -> bool:
    """Whether a column's values are out of all proportion to its bytes, by what the file says of itself."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    columns = (group.column(number) for group in groups for number in range(group.num_columns))
    return any(
        column.total_uncompressed_size > max(_FREE_COLUMN_BYTES, MAX_RATIO * column.total_compressed_size)
        for column in columns
    )


def arrow_records(stream: BinaryIO) -> Records:
    """Rows of an Arrow file or stream, such as Hugging Face datasets keep.

    A file is a stream with a table of contents behind it; what the table says is not asked, so that what is weighed
    is what is read.
    """
    with seekable(stream) as there_and_back:
        start = _ARROW_FILE_HEAD if there_and_back.read(6) == b"ARROW1" else 0
        there_and_back.seek(start)
        try:
            if any(map(_unpacks_like_a_bomb, weights(there_and_back))):
                yield Fault(line=1, what=f"a batch unpacks to more than {MAX_RATIO} times its size, or to a gigabyte")
                return
            there_and_back.seek(start)
            batches = iter(pa.ipc.open_stream(there_and_back))
            yield from _of_batches(map(_checked, batches), _size_of(there_and_back))
        except (pa.ArrowException, OSError, Torn) as fault:
            yield Fault(line=1, what=f"no readable Arrow file ({type(fault).__name__})")


def _unpacks_like_a_bomb(message: Weight) -> bool:
    """Whether a packed batch is out of all proportion to its bytes, or too large to be held at once."""
    if message.unpacked <= message.packed:
        return False
    return message.unpacked > min(FREE_TABLE_BYTES, max(_FREE_COLUMN_BYTES, MAX_RATIO * message.packed))


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, in which every offset leads to where there is something: Arrow reads files as they are."""
    batch.validate(full=True)
    return batch


def _size_of(stream: BinaryIO) -> int:
    place = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(place)
    return size


def _of_batches(batches: Iterator[pa.RecordBatch], file_bytes: int) -> Records:
    """Rows as records; the rest of a file is not read once it has given far more than it holds."""
    line = given = 0
    for batch in batches:
        for start in range(0, batch.num_rows, _TABLE_ROWS):
            part = batch.slice(start, _TABLE_ROWS)
            given += part.nbytes
            if given > max(FREE_TABLE_BYTES, _MAX_REPEATED * file_bytes):
                what = f"the rows so far are more than {_MAX_REPEATED:,} times the file; nothing after them was read"
                yield Fault(line=line + 1, what=what)
                return
            size = part.nbytes // max(part.num_rows, 1)
            try:
                rows = part.to_pylist()
            except (UnicodeDecodeError, pa.ArrowException):
                yield Fault(line=line + 1, what="a text among the next rows is not UTF-8")
                rows = [{} for _ in range(part.num_rows)]
            for row in rows:
                line += 1
                if part.nbytes > MAX_ROW_BYTES and _characters(row) > MAX_ROW_BYTES:
                    yield Fault(line=line, what=f"longer than {MAX_ROW_BYTES:,} bytes")
                elif row:
                    yield Record(line, {k: plain(v) for k, v in row.items() if v is not None}, size)


_SERVERS = frozenset({"postgresql", "mysql", "mariadb"})
"""Databases whose drivers know `connect_timeout`."""


def _characters(value: object) -> int:
    """How long the texts within a value are together."""
    if isinstance(value, str):
        return len(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_characters, parts))


def sql_records(url: str, query: str) -> Records:
    """Rows of one query, fetched a thousand at a time inside a transaction that may only read and is rolled back."""
    from sqlalchemy import create_engine, text  # noqa: PLC0415  only where a source is a database
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError  # noqa: PLC0415

    try:
        address = make_url(url)
        # without it a server that does not answer is waited for for two minutes
        waits = {"connect_timeout": _CONNECT_SECONDS} if address.get_backend_name() in _SERVERS else {}
        engine = create_engine(address, connect_args={} if "connect_timeout" in address.query else waits)
    except (ArgumentError, NoSuchModuleError, ImportError) as fault:
        hint = "write it as dialect://host/database and install the dialect's driver"
        raise UserError("the address of the database cannot be used", hint=hint) from fault
    try:
        with engine.connect() as opened:
            connection = opened.execution_options(stream_results=True, yield_per=1000, postgresql_readonly=True)
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            elif engine.dialect.name in {"mysql", "mariadb"}:
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            for line, row in enumerate(connection.execute(text(query)).mappings(), start=1):
                told: Object = {str(name): plain(value) for name, value in row.items() if value is not None}
                yield Record(line, told, sum(len(value) for value in told.values() if isinstance(value, str)))
            connection.rollback()
    except SQLAlchemyError as fault:
        raise MissingInput(
            f"the database refused the query ({type(fault).__name__})", hint="try the query in the database's own shell"
        ) from fault
    finally:
        engine.dispose()


def plain(value: object) -> Json:
    """`value` as JSON knows it: days and times as ISO 8601, what JSON lacks as text, bytes as nothing."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, bytes | bytearray | memoryview) else str(value)
