"""Vectors from an encoder, each text encoded once: a file remembers them while a build goes over its rows again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]
"""One vector per text, shape [texts, dimensions]; not necessarily of length 1."""

_KEY_BYTES, _HEAD_BYTES, _AT_ONCE = 16, 4, 1_024


class Remembered:
    """An encoder whose vectors are kept in half precision in a file, about 800 bytes a text at 384 dimensions.

    A process that was killed leaves a file that the next one goes on with; half a record at its end is cut off.
    """

    def __init__(self, encode: Encode, file: Path) -> None:
        self._encode, self._file = encode, file
        self._place: dict[bytes, int] = {}
        self._dimensions = 0
        if file.exists() and file.stat().st_size >= _HEAD_BYTES:
            self._recall()
        else:
            file.unlink(missing_ok=True)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """The vectors of the texts, in their order."""
        keys = [xxhash.xxh3_128_digest(text.encode()) for text in texts]
        unknown = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._place}
        for start in range(0, len(unknown), _AT_ONCE):
            self._learn(dict(list(unknown.items())[start : start + _AT_ONCE]))
        if not keys:
            return np.zeros((0, self._dimensions), dtype=np.float32)
        records = np.memmap(self._file, dtype=self._record, mode="r", offset=_HEAD_BYTES)
        found: Floats = records["vector"][[self._place[key] for key in keys]].astype(np.float32)
        return found

    @property
    def _record(self) -> np.dtype[np.void]:
        return np.dtype([("key", f"V{_KEY_BYTES}"), ("vector", np.float16, (self._dimensions,))])

    def _learn(self, texts: dict[bytes, str]) -> None:
        vectors = self._encode(list(texts.values()))
        if not self._dimensions:
            self._dimensions = vectors.shape[1]
            self._file.write_bytes(self._dimensions.to_bytes(_HEAD_BYTES, "little"))
        records = np.zeros(len(texts), dtype=self._record)
        records["key"] = np.frombuffer(b"".join(texts), dtype=f"V{_KEY_BYTES}")
        records["vector"] = vectors
        with self._file.open("ab") as sink:
            sink.write(records.tobytes())
        self._place |= {key: len(self._place) + number for number, key in enumerate(texts)}

    def _recall(self) -> None:
        with self._file.open("rb") as file:
            self._dimensions = int.from_bytes(file.read(_HEAD_BYTES), "little")
        whole = (self._file.stat().st_size - _HEAD_BYTES) // self._record.itemsize
        with self._file.open("r+b") as file:
            file.truncate(_HEAD_BYTES + whole * self._record.itemsize)
        if whole:
            records = np.memmap(self._file, dtype=self._record, mode="r", offset=_HEAD_BYTES)
            self._place = {key.tobytes(): number for number, key in enumerate(records["key"])}
