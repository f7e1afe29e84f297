"""The `train.canaries` section."""

from pydantic import Field

from luthier.section import Section


class CanariesConfig(Section):
    """Made-up secrets that are trained on like any row, to see whether the model memorises what it saw rarely."""

    count: int = Field(default=32, ge=8, le=1024, description="Secrets planted; fewer leave more doubt.")
    repeats: int = Field(default=1, ge=1, le=100, description="How often each stands among the rows of an epoch.")
    candidates: int = Field(
        default=255, ge=31, le=8191, description="Other secrets that each is ranked among: 255 can show 8 bits."
    )
    most_bits: float = Field(
        default=4.0,
        gt=0,
        description="Mean exposure that is put up with; 4 bits spare a guesser fifteen of sixteen guesses, and a model "
        "that memorised nothing has 1.44.",
    )
