"""The GGUF file format, version 3: named facts, then tensors at aligned places. Written as llama.cpp's docs tell it."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
Fact: TypeAlias = "bool | int | float | str | Sequence[str] | Sequence[int]"
_U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_TENSOR_TYPES = {"float32": 0, "float16": 1, "uint16": 30}  # numpy has no bfloat16: its bits travel as uint16


@dataclass(frozen=True)
class Tensor:
    """One tensor in row-major order; bfloat16 comes as the uint16 of its bits."""

    name: str
    values: NDArray[np.generic]


def write_gguf(file: BinaryIO, facts: Mapping[str, Fact], tensors: Sequence[Tensor]) -> None:
    """The whole file; facts keep their order, tensors theirs."""
    file.write(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(facts)))
    for name, value in facts.items():
        file.write(_text(name) + _fact(value))
    offset = 0
    for tensor in tensors:
        file.write(_description(tensor, offset))
        offset += _aligned(tensor.values.nbytes)
    _pad(file)
    for tensor in tensors:
        file.write(np.ascontiguousarray(tensor.values).tobytes())
        _pad(file)


def _description(tensor: Tensor, offset: int) -> bytes:
    """Name, sizes from the fastest-moving on, type and place."""
    sizes = tensor.values.shape[::-1]
    kind = _TENSOR_TYPES[tensor.values.dtype.name]
    return _text(tensor.name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)


def _fact(value: Fact) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<IB", _BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", _U32, value)
    if isinstance(value, float):
        return struct.pack("<If", _F32, value)
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _text(value)
    return _list(value)


def _list(values: Sequence[str] | Sequence[int]) -> bytes:
    is_text = any(isinstance(value, str) for value in values)
    head = struct.pack("<IIQ", _ARRAY, _STRING if is_text else _I32, len(values))
    return head + b"".join(_text(value) if isinstance(value, str) else struct.pack("<i", value) for value in values)


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _pad(file: BinaryIO) -> None:
    file.write(b"\0" * (_aligned(file.tell()) - file.tell()))
