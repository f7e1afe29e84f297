"""The one clock. Composition roots read it and hand `now` down as a value."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
