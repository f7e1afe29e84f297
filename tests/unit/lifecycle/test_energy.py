"""Energy counters read from a folder like the kernel's, with ranges that end."""

from decimal import Decimal
from pathlib import Path

import pytest

from luthier.lifecycle.energy import Meter, Package, counters_here


def _package(root: Path, name: str, joules: float, *, range_joules: float = 1000.0) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
    (folder / "max_energy_range_uj").write_text(f"{round(range_joules * 1e6)}\n")
    return folder


def test_what_all_packages_counted_is_summed_in_kilowatt_hours(tmp_path: Path) -> None:
    first = _package(tmp_path, "intel-rapl:0", 100, range_joules=1e9)
    second = _package(tmp_path, "intel-rapl:1", 50, range_joules=1e9)
    meter = Meter([Package(first), Package(second)])
    _package(tmp_path, "intel-rapl:0", 1_800_100, range_joules=1e9)
    _package(tmp_path, "intel-rapl:1", 1_800_050, range_joules=1e9)
    assert meter.kwh() == Decimal("1.000000")
    assert meter.said == "of processor, this attempt"


def test_a_counter_that_begins_anew_loses_nothing(tmp_path: Path) -> None:
    meter = Meter([Package(_package(tmp_path, "intel-rapl:0", 900))])
    _package(tmp_path, "intel-rapl:0", 100)  # 100 up to its end at 1,000, and 100 from nought
    assert meter.kwh() == (Decimal(200) / 3_600_000).quantize(Decimal("0.000001"))


def test_parts_of_a_package_are_not_counted_twice(tmp_path: Path) -> None:
    _package(tmp_path, "intel-rapl:0", 1)
    _package(tmp_path, "intel-rapl:0:0", 1)
    assert [counter.folder.name for counter in counters_here(tmp_path) if isinstance(counter, Package)] == [
        "intel-rapl:0"
    ]


@pytest.mark.parametrize("present", [True, False])
def test_where_nothing_can_be_read_there_is_no_figure_and_it_is_said(tmp_path: Path, present: bool) -> None:
    if present:
        (tmp_path / "intel-rapl:0").mkdir()
    meter = Meter([Package(tmp_path / "intel-rapl:0")])
    assert meter.kwh() is None
    assert "no energy counter" in meter.said
