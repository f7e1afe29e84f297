"""What a judge said of a variant, and whether it is licensed to decide anything."""

from pydantic import Field

from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict


class Judged(Value):
    """A judge's verdict as the gate is told of it: without a licence it informs, and never gates."""

    judge: str
    verdict: Verdict = Field(description="Of its figure against its line; no evidence where it was never asked.")
    is_licensed: bool = Field(default=False, description="Whether a licence stands for this judge as it is now.")
    licence: str = Field(description="Why it is licensed, or why it is not.")
