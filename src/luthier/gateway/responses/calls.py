"""What back ends say of refusals and function calls, read carefully."""

from pydantic import BaseModel, ValidationError

from luthier.gateway.answers import BackendDown, JsonObject


class Called(BaseModel):
    """The function of a call: its name, and its arguments or the next piece of them."""

    name: str | None = None
    arguments: str | None = None


class Call(BaseModel):
    """A call, or a piece of one."""

    index: int = 0
    id: str | None = None
    function: Called = Called()


class Spoken(BaseModel):
    """A message, or a piece of one."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[Call, ...] | None = None

    @classmethod
    def of(cls, told: JsonObject) -> "Spoken":
        """What a back end told; BackendDown where it is no message."""
        try:
            return cls.model_validate(told)
        except ValidationError:
            raise BackendDown("no completion") from None
