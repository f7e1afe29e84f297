"""Logs of what was served: acknowledged lines come out once each shipped, whatever was torn, killed or refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.gateway.spool import Spool, SpoolFull, SpoolReader, held_bytes, lines_of


def shipped(folder: Path, *, batch: int = 2) -> list[bytes]:
    found: list[bytes] = []

    def take(lines: list[bytes]) -> int:
        found.extend(lines)
        return len(lines)

    SpoolReader(folder).ship(take, batch=batch)
    return found


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path, most_bytes=10_000, segment_bytes=60)


def test_what_was_appended_is_shipped_in_order_once(spool: Spool, tmp_path: Path) -> None:
    lines = [b"line %d" % number for number in range(9)]
    for line in lines:
        spool.append(line)
    assert shipped(tmp_path) == lines
    assert shipped(tmp_path) == []
    spool.append(b"later")
    assert shipped(tmp_path) == [b"later"]
    spool.close()


def test_ended_segments_are_removed_and_the_open_one_stays(spool: Spool, tmp_path: Path) -> None:
    for number in range(9):
        spool.append(b"line %d" % number)
    assert len(list(tmp_path.glob("*.log"))) > 2
    spool._flush(0)
    shipped(tmp_path)
    assert len(list(tmp_path.glob("*.log"))) == 1
    spool.close()
    shipped(tmp_path)
    assert held_bytes(tmp_path) == 0


def test_a_torn_line_is_no_record_and_hides_none_after_it(spool: Spool, tmp_path: Path) -> None:
    spool.append(b"before")
    [segment] = tmp_path.glob("*.log")
    with segment.open("ab") as file:
        file.write(b"12345678 torn\n00")
    assert [line.body for line in lines_of(segment, 0)] == [b"before"]
    with segment.open("ab") as file:
        file.write(b"\n")
    spool.append(b"after")
    assert shipped(tmp_path) == [b"before", b"after"]
    spool.close()


def test_a_reader_that_stops_in_a_portion_goes_on_after_what_it_took(spool: Spool, tmp_path: Path) -> None:
    for number in range(5):
        spool.append(b"%d" % number)
    taken: list[bytes] = []

    def take_one(lines: list[bytes]) -> int:
        taken.append(lines[0])
        return 1

    assert SpoolReader(tmp_path).ship(take_one, batch=3) == 1
    assert taken == [b"0"]
    assert shipped(tmp_path) == [b"1", b"2", b"3", b"4"]
    spool.close()


def test_a_reader_whose_store_fails_hands_the_portion_over_again(spool: Spool, tmp_path: Path) -> None:
    spool.append(b"kept")

    def fail(_lines: list[bytes]) -> int:
        raise OSError("the store is away")

    with pytest.raises(OSError, match="away"):
        SpoolReader(tmp_path).ship(fail, batch=3)
    assert shipped(tmp_path) == [b"kept"]
    spool.close()


def test_a_full_log_refuses_and_takes_again_once_it_was_shipped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_bytes=200, segment_bytes=60)
    while held_bytes(tmp_path) <= 200:
        spool.append(b"x" * 20)
    with pytest.raises(SpoolFull):
        spool.append(b"x")
    assert held_bytes(tmp_path) < 300
    spool._flush(0)
    assert len(shipped(tmp_path)) > 3
    spool.append(b"again")
    assert shipped(tmp_path) == [b"again"]
    spool.close()


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=30), st.integers(1, 7))
def test_every_line_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], batch: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder, most_bytes=1_000_000, segment_bytes=100)
    for line in lines:
        spool.append(line)
    assert shipped(folder, batch=batch) == lines
    spool.close()
