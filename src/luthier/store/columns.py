"""Column types that give back exactly what was put in, on SQLite and PostgreSQL alike."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

from luthier.domain.digests import canonical_json
from luthier.domain.value import Json

Sequence64 = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit number; SQLite numbers rows by itself only where the type is spelt INTEGER."""


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC. A time without a zone is refused, and none is given back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC, without the zone where the engine (SQLite) cannot keep one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; give a UTC time")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The moment with UTC on it."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal as text: SQLite would make a float of a NUMERIC and lose its last digits."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """All digits, never an exponent."""
        return None if value is None else decimal_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The decimal that was put in."""
        return None if value is None else Decimal(value)


class JsonText(TypeDecorator[Json]):
    """A JSON value as canonical text, so that its bytes can be hashed and any character fits, NUL too."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Json | None, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's signature
        """Canonical JSON; None is `null`."""
        return canonical_json(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The value that was put in."""
        return None if value is None else _parsed(value)


def decimal_text(value: Decimal) -> str:
    """All digits of `value`, never an exponent; infinities and NaN are refused."""
    if not value.is_finite():
        raise ValueError(f"{value} is not an amount")
    return format(value, "f")


def _parsed(text: str) -> Json:
    value: Json = json.loads(text)
    return value
