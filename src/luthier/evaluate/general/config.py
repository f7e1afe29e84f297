"""The `evaluation.forgetting` section."""

from pydantic import Field

from luthier.section import Section

SHIPPED = "general"


class ForgettingConfig(Section):
    """What a model could do before it was tuned, and how much of it may be lost."""

    dataset: str = Field(
        default=SHIPPED, min_length=1, description="`general`, the suite that comes along, or a file of rows."
    )
    metric: str = Field(default="exact_match", min_length=1, description="How an answer is scored.")
    tolerance: float = Field(default=0.05, gt=0, lt=1, description="Drop of the mean score that is put up with.")
    max_tokens: int = Field(default=96, ge=1, le=1 << 16, description="Of an answer; a longer one is cut.")
