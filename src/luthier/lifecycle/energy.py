"""What work draws from the wall, where this machine has counters for it."""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"
JOULES_PER_KWH = Decimal(3_600_000)


class Counter(Protocol):
    """Something that counts energy upwards and may begin anew."""

    @property
    def name(self) -> str:
        """What it counts for."""

    def joules(self) -> float | None:
        """What it counted so far; None where it cannot be read now."""

    @property
    def wraps_at_joules(self) -> float | None:
        """Where it begins anew; None where it does not."""


@dataclass(frozen=True)
class Package:
    """A processor's own counter (RAPL), which root may read and others often may not."""

    folder: Path
    name: str = "processor"

    def joules(self) -> float | None:
        """What the package counted so far."""
        micro = _number(self.folder / "energy_uj")
        return None if micro is None else micro / 1e6

    @property
    def wraps_at_joules(self) -> float | None:
        """The counter's range."""
        micro = _number(self.folder / "max_energy_range_uj")
        return None if micro is None else micro / 1e6


@dataclass(frozen=True)
class Accelerator:
    """A card's own counter, by NVIDIA's management library."""

    library: ctypes.CDLL
    index: int
    name: str = "accelerator"
    wraps_at_joules: float | None = None

    def joules(self) -> float | None:
        """What the card counted since its driver was loaded."""
        handle, milli = ctypes.c_void_p(), ctypes.c_ulonglong()
        if self.library.nvmlDeviceGetHandleByIndex_v2(self.index, ctypes.byref(handle)):
            return None
        if self.library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(milli)):
            return None
        return milli.value / 1e3


@dataclass
class Meter:
    """Energy since it was made, over all counters that can be read; look often enough for none to wrap twice."""

    counters: Sequence[Counter]
    _last: dict[int, float] = field(init=False, default_factory=dict)
    _used: dict[int, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.look()

    def look(self) -> None:
        """Add what was counted since the last look."""
        for place, counter in enumerate(self.counters):
            now = counter.joules()
            if now is None:
                continue
            before = self._last.get(place, now)
            more = now - before if now >= before else now - before + (counter.wraps_at_joules or 0.0)
            self._used[place] = self._used.get(place, 0.0) + max(0.0, more)
            self._last[place] = now

    def kwh(self) -> Decimal | None:
        """Kilowatt-hours so far; None where nothing could be read."""
        self.look()
        if not self._used:
            return None
        return (Decimal(str(sum(self._used.values()))) / JOULES_PER_KWH).quantize(Decimal("0.000001"))

    @property
    def said(self) -> str:
        """Whose energy it is, for the ledger's note."""
        names = sorted({self.counters[place].name for place in self._used})
        return f"of {' and '.join(names)}, this attempt" if names else "no energy counter can be read here"


def counters_here(powercap: Path = POWERCAP) -> list[Counter]:
    """Every counter of this machine: processor packages, and cards where their library is there."""
    packages = sorted(powercap.glob("intel-rapl:*")) if powercap.is_dir() else []
    whole = [folder for folder in packages if folder.name.count(":") == 1]  # parts of a package are in its figure
    counters: list[Counter] = [Package(folder) for folder in whole]
    return counters + list(_cards())


def _cards() -> Iterator[Accelerator]:
    try:
        library = ctypes.CDLL(NVML)
    except OSError:
        return
    count = ctypes.c_uint()
    if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return
    yield from (Accelerator(library, index) for index in range(count.value))


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
