"""Arrow's messages are weighed by their heads, whatever is in them."""

import io
from typing import Literal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.readers.arrow_messages import Torn, Weight, weights
from luthier.data.readers.parts import Fault, Record
from luthier.data.readers.tables import FREE_TABLE_BYTES, arrow_records

Codec = Literal["zstd", "lz4"]
SCHEMA = pa.schema({"prompt": pa.string(), "completion": pa.string()})


def batch(prompt: str, rows: int = 1) -> pa.RecordBatch:
    return pa.record_batch([[prompt] * rows, ["x"] * rows], schema=SCHEMA)


def stream(*batches: pa.RecordBatch, codec: Codec | None, file: bool = False) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=codec)
    opened = (pa.ipc.new_file if file else pa.ipc.new_stream)(sink, batches[0].schema, options=options)
    with opened as writer:
        for each in batches:
            writer.write_batch(each)
    return bytes(sink.getvalue().to_pybytes())


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_packed_batch_weighs_what_its_buffers_unpack_to(codec: Codec) -> None:
    """Two offsets of 4 bytes and the text, once a column."""
    schema, *found = weights(io.BytesIO(stream(batch("0" * 1_000_000), batch("a"), codec=codec)))
    assert schema == Weight(0, 0)
    assert [weight.unpacked for weight in found] == [1_000_000 + 8 + 1 + 8, 1 + 8 + 1 + 8]
    assert found[0].packed < 20_000


def test_a_batch_that_is_not_packed_weighs_what_it_is() -> None:
    _, found = weights(io.BytesIO(stream(batch("0" * 1_000_000), codec=None)))
    assert found.packed == found.unpacked >= 1_000_000


def test_a_packed_dictionary_is_weighed_too() -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), pa.array(["0" * 1_000_000]))
    table = pa.record_batch([words], ["prompt"])
    heaviest = max(weight.unpacked for weight in weights(io.BytesIO(stream(table, codec="zstd"))))
    assert heaviest == 1_000_000 + 8


@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_bomb_is_told_by_its_head_even_where_its_body_is_rubbish(codec: Codec, file: bool) -> None:
    packed = bytearray(stream(batch("0" * 20_000_000), codec=codec, file=file))
    body = packed.rindex((20_000_000).to_bytes(8, "little")) + 8
    packed[body : body + 64] = bytes(range(64))
    (told,) = arrow_records(io.BytesIO(packed))
    assert isinstance(told, Fault)
    assert "unpacks to more than 200 times its size" in told.what


def test_a_batch_that_claims_more_than_a_gigabyte_is_not_unpacked() -> None:
    text = "".join(map(chr, range(32, 127))) * 110_000
    packed = bytearray(stream(batch(text), codec="lz4"))
    claim = packed.rindex(len(text).to_bytes(8, "little"))
    packed[claim : claim + 8] = (FREE_TABLE_BYTES + 1).to_bytes(8, "little")
    (told,) = arrow_records(io.BytesIO(packed))
    assert isinstance(told, Fault)
    assert "or to a gigabyte" in told.what


@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize("codec", [None, "zstd", "lz4"])
def test_an_honest_packed_file_is_read(codec: Codec | None, file: bool) -> None:
    found = list(arrow_records(io.BytesIO(stream(batch("hello", 300), batch("you"), codec=codec, file=file))))
    assert [type(each) for each in found] == [Record] * 301
    assert isinstance(found[-1], Record)
    assert found[-1].row == {"prompt": "you", "completion": "x"}


@given(place=st.integers(0, 2_000), value=st.integers(0, 255), cut=st.integers(0, 2_000))
def test_no_damaged_stream_is_more_than_torn(place: int, value: int, cut: int) -> None:
    packed = bytearray(stream(batch("hello", 3), codec="zstd"))
    packed[place % len(packed)] = value
    try:
        assert all(isinstance(weight, Weight) for weight in weights(io.BytesIO(packed[: len(packed) - cut])))
    except Torn:
        assert all(isinstance(each, Fault | Record) for each in arrow_records(io.BytesIO(packed)))
