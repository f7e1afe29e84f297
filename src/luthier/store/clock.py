"""The one clock. Composition roots read it and hand `now` down as a value."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from luthier.errors import UserError

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def clock_of(rehearsal: Path | None) -> Clock:
    """The real clock, or - for rehearsals such as the demo - the moment written in a file, read at every look."""
    if rehearsal is None:
        return utc_now
    return lambda: _moment_in(rehearsal)


def _moment_in(file: Path) -> datetime:
    try:
        moment = datetime.fromisoformat(file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as fault:
        raise UserError(f"the clock file {str(file)!r} holds no ISO time", hint="unset LUTHIER_CLOCK_FILE") from fault
    if moment.tzinfo is None:
        raise UserError(f"the clock file {str(file)!r} holds a time without a zone", hint="write 2026-03-02T09:00:00Z")
    return moment.astimezone(UTC)
