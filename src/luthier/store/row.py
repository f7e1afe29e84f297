"""The base of the small frozen values that the store takes and returns."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Row(BaseModel):
    """What one row of a table says; it knows every field it has and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone, turned to UTC. A time without a zone is refused."""

Exact = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=60, decimal_places=40)]
"""A finite decimal, kept to its last digit."""

Name = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]
"""A short text that people search by. NUL is refused because PostgreSQL cannot hold it."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256, in lower-case hex."""
