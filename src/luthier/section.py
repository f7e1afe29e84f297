"""The strict, frozen base of every section of `luthier.yaml`."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Config that cannot change after reading and knows every key it has."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
