"""The one clock, and the one that rehearsals set."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from luthier.errors import UserError
from luthier.store.clock import clock_of, utc_now


def test_the_clock_tells_utc() -> None:
    assert utc_now().tzinfo is UTC
    assert clock_of(None) is utc_now


def test_a_rehearsal_reads_its_file_at_every_look(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    clock = clock_of(file)
    file.write_text("2026-03-02T09:00:00Z\n")
    assert clock() == datetime(2026, 3, 2, 9, tzinfo=UTC)
    file.write_text("2026-03-02T09:00:00+02:00")
    assert clock() == datetime(2026, 3, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize("text", ["soon", "2026-03-02T09:00:00", ""])
def test_a_rehearsal_without_a_moment_is_a_user_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock").write_text(text)
    with pytest.raises(UserError, match="clock file"):
        clock_of(tmp_path / "clock")()
