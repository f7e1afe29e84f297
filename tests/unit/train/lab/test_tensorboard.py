import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.domain.measure import Measurement
from luthier.domain.runs import CurvePoint
from luthier.train.lab.tensorboard import crc32c, first_record, record_of


def records(data: bytes) -> Iterator[bytes]:
    """The bodies of the records, each checked as TensorFlow's reader checks them."""
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        assert unmasked(data[at + 8 : at + 12]) == crc32c(data[at : at + 8])
        body = data[at + 12 : at + 12 + length]
        assert unmasked(data[at + 12 + length : at + 16 + length]) == crc32c(body)
        yield body
        at += 16 + length


def unmasked(stored: bytes) -> int:
    (masked,) = struct.unpack("<I", stored)
    turned = (masked - 0xA282EAD8) & 0xFFFFFFFF
    return ((turned >> 17) | (turned << 15)) & 0xFFFFFFFF


def varint(data: bytes, at: int) -> tuple[int, int]:
    found, shift = 0, 0
    while True:
        found |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return found, at


def fields(data: bytes) -> list[tuple[int, bytes | int]]:
    """The fields of a protocol-buffer message by number: numbers as integers, all else as its bytes."""
    found: list[tuple[int, bytes | int]] = []
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
            found.append((tag >> 3, value))
            continue
        if tag & 7 == 2:
            length, at = varint(data, at)
        else:
            length = {1: 8, 5: 4}[tag & 7]
        found.append((tag >> 3, data[at : at + length]))
        at += length
    return found


def values(body: bytes) -> dict[str, float]:
    [summary] = [value for field, value in fields(body) if field == 5]
    assert isinstance(summary, bytes)
    found = {}
    for _, each in fields(summary):
        assert isinstance(each, bytes)
        tag, value = (part for _, part in fields(each))
        assert isinstance(tag, bytes)
        assert isinstance(value, bytes)
        found[tag.decode()] = struct.unpack("<f", value)[0]
    return found


@pytest.mark.parametrize(
    ("data", "checksum"),
    [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E)],
)
def test_checksums_are_those_of_rfc_3720(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


def test_a_file_begins_with_the_version_that_readers_ask_for() -> None:
    [body] = records(first_record(1.5))
    assert (3, b"brain.Event:2") in fields(body)
    assert (1, struct.pack("<d", 1.5)) in fields(body)


def test_a_point_tells_its_step_and_what_was_measured_and_nothing_else() -> None:
    figure = Measurement.of_proportion("exact_match", 3, n=4)
    point = CurvePoint(step=300, epoch=2, train_loss=0.5, learning_rate=2e-3, tasks={"exact_match": figure})
    [body] = records(record_of(point, 10.0))
    assert (2, 300) in fields(body)
    assert values(body) == pytest.approx({"loss/train": 0.5, "learning_rate": 2e-3, "task/exact_match": 0.75})


@given(st.lists(st.builds(CurvePoint, step=st.integers(0, 1 << 40), epoch=st.just(1.0),
                          validation_loss=st.none() | st.floats(0, 1e6, width=32)), max_size=5))  # fmt: skip
def test_records_one_after_the_other_are_read_back(points: list[CurvePoint]) -> None:
    bodies = list(records(first_record(0.0) + b"".join(record_of(point, 0.0) for point in points)))
    assert [dict(fields(body))[2] for body in bodies[1:]] == [point.step for point in points]
    told = [{} if p.validation_loss is None else {"loss/validation": p.validation_loss} for p in points]
    assert [values(body) for body in bodies[1:]] == told
