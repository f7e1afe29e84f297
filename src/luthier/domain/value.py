"""The base of every domain value."""

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue

from luthier.domain.digests import digest_of

Json: TypeAlias = JsonValue


class Value(BaseModel):
    """A value that never changes, knows every field it has, and has one digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of this value, in hex."""
        return digest_of(self.model_dump(mode="json"))
