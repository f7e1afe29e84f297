"""Append-only logs of what was served: a line is the kernel's before an answer leaves, and the store's later."""

import fcntl
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SEGMENT_BYTES = 4_000_000
SYNC_SECONDS = 1.0
MEASURE_EVERY = 256


class SpoolFull(Exception):
    """What waits for the store has reached the bound; nothing more is served without a record."""


class Spool:
    """One worker's log: segments of lines, of which only the last grows. `append` is done when the kernel has it."""

    def __init__(self, folder: Path, *, most_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._most, self._segment = folder, most_bytes, segment_bytes
        self._lines = self._size = self._number = 0
        self._name = f"{time.time_ns():020d}-{os.getpid()}"
        self._ended: list[int] = []
        self._file = self._opened()
        self._held = held_bytes(folder)
        self._stop = threading.Event()
        self._syncer = threading.Thread(target=self._sync, name="spool", daemon=True)
        self._syncer.start()

    def append(self, line: bytes) -> None:
        """Return once the kernel holds `line`; SpoolFull where the bound is reached, OSError where the disk refuses."""
        if self._lines % MEASURE_EVERY == 0:
            self._held = held_bytes(self._folder)
        if self._held > self._most:
            self._held = held_bytes(self._folder)
            if self._held > self._most:
                raise SpoolFull
        framed = b"%08x %b\n" % (zlib.crc32(line), line)
        written = os.write(self._file, framed)
        if written < len(framed):
            os.write(self._file, b"\n")  # the torn line is no record; what comes after it is whole again
            raise OSError(28, "the disk took a part of a line only")
        self._lines += 1
        self._size += written
        self._held += written
        if self._size >= self._segment:
            self._ended.append(self._file)
            self._file = self._opened()

    def close(self) -> None:
        """Flush to the disk and close."""
        self._stop.set()
        self._syncer.join()
        self._ended.append(self._file)
        self._flush(0)

    def _opened(self) -> int:
        """A new segment under a lock that ends with this process: a segment without a lock has ended."""
        self._number, self._size = self._number + 1, 0
        path = self._folder / f"{self._name}-{self._number:06d}.log"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def _sync(self) -> None:
        seen = 0
        while not self._stop.wait(SYNC_SECONDS):
            seen = self._flush(seen)

    def _flush(self, seen: int) -> int:
        """Bring lines after the first `seen` to the disk; how many there were."""
        lines = self._lines
        while self._ended:
            file = self._ended.pop(0)
            os.fdatasync(file)
            os.close(file)
        if lines != seen and not self._stop.is_set():
            file = os.dup(self._file)  # the loop may turn to the next segment meanwhile
            os.fdatasync(file)
            os.close(file)
        return lines


def held_bytes(folder: Path) -> int:
    """Bytes of all segments of a log."""
    return sum(_size(path) for path in folder.glob("*.log"))


@dataclass(frozen=True)
class Line:
    """One whole record of a segment, and where the next begins."""

    body: bytes
    end: int


def lines_of(segment: Path, start: int) -> Iterator[Line]:
    """Whole lines from byte `start`; a line that is torn or does not match its checksum is passed over."""
    with segment.open("rb") as file:
        file.seek(start)
        place = start
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            place += len(raw)
            checksum, _, body = raw[:-1].partition(b" ")
            if len(checksum) == 8 and checksum == b"%08x" % zlib.crc32(body):
                yield Line(body, place)


class SpoolReader:
    """What lies in a log and was not shipped yet; one reader at a time on a machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the log's lock."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def ship(self, take: Callable[[list[bytes]], int], *, batch: int, most: int | None = None) -> int:
        """Hand over everything, or about `most` lines, in portions; `take` may take fewer of a portion to stop there.

        Returns how many lines were taken. Whoever is killed in between hands the last portion over again.
        """
        shipped = 0
        with self.alone():
            for segment in sorted(self._folder.glob("*.log")):
                has_ended = _has_ended(segment)  # asked first: then everything that was ever written is read below
                left = None if most is None else most - shipped
                count, is_at_end = self._ship_segment(segment, take, batch, left)
                shipped += count
                if not is_at_end:
                    break
                if has_ended:
                    segment.unlink()
                    segment.with_suffix(".at").unlink(missing_ok=True)
        return shipped

    def _ship_segment(
        self, segment: Path, take: Callable[[list[bytes]], int], batch: int, most: int | None
    ) -> tuple[int, bool]:
        """How many lines were taken, and whether those were all that the segment holds."""
        noted, shipped = segment.with_suffix(".at"), 0
        start = _offset(noted)
        portion: list[Line] = []
        for line in lines_of(segment, start):
            portion.append(line)
            if len(portion) == batch:
                taken = self._hand_over(portion, take, noted)
                shipped += taken
                if taken < len(portion) or (most is not None and shipped >= most):
                    return shipped, False
                portion = []
        taken = self._hand_over(portion, take, noted)
        return shipped + taken, taken == len(portion)

    def _hand_over(self, portion: list[Line], take: Callable[[list[bytes]], int], noted: Path) -> int:
        if not portion:
            return 0
        taken = take([line.body for line in portion])
        if taken:
            noted.write_text(str(portion[taken - 1].end), encoding="ascii")
        return taken


def _has_ended(segment: Path) -> bool:
    """Whether nobody holds the segment open for writing any more."""
    with segment.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _offset(noted: Path) -> int:
    try:
        return int(noted.read_text(encoding="ascii") or "0")
    except FileNotFoundError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # shipped and removed meanwhile
        return 0
