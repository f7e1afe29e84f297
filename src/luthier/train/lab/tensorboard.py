"""TensorBoard's event files, written without TensorBoard: a record per curve point, readable while the run goes on.

The format is TensorFlow's record (length, checksum, body, checksum) around `Event` messages of four fields: these
lines, where the library would be a hundred megabytes.

Source: tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.h; CRC-32C: RFC 3720, B.4.
"""

import struct
from collections.abc import Mapping

from luthier.domain.runs import CurvePoint

VERSION = "brain.Event:2"
_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8


def _table() -> tuple[int, ...]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)  # noqa: PLW2901 - eight shifts of one byte
        found.append(value)
    return tuple(found)


_CRC = _table()


def first_record(at: float) -> bytes:
    """What an event file begins with; `at` is in seconds since 1970."""
    return _record(_double(1, at) + _bytes(3, VERSION.encode()))


def record_of(point: CurvePoint, at: float) -> bytes:
    """The figures of one curve point."""
    values = b"".join(
        _bytes(1, _bytes(1, name.encode()) + _float(2, value)) for name, value in figures_of(point).items()
    )
    return _record(_double(1, at) + _varint(2 << 3) + _varint(point.step) + _bytes(5, values))


def figures_of(point: CurvePoint) -> Mapping[str, float]:
    """What was measured at a point, under the names that trackers show."""
    plain = {
        "loss/train": point.train_loss,
        "loss/validation": point.validation_loss,
        "validation_accuracy": point.validation_accuracy,
        "learning_rate": point.learning_rate,
        "gradient_norm": point.gradient_norm,
        "tokens_per_second": point.tokens_per_second,
        "memory_bytes": point.memory_bytes,
        **{f"task/{name}": figure.value for name, figure in point.tasks.items()},
    }
    return {name: float(value) for name, value in plain.items() if value is not None}


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _record(body: bytes) -> bytes:
    length = struct.pack("<Q", len(body))
    return length + _masked(length) + body + _masked(body)


def _masked(data: bytes) -> bytes:
    """A checksum as records hold it: turned and shifted, since data that holds its own checksum is weakly checked."""
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append((value & 0x7F) | 0x80)
        value >>= 7
    return bytes([*found, value])


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)
