"""How much arithmetic a run is, and how long it takes at a given pace."""

from decimal import Decimal

from pydantic import Field

from luthier.domain.money import Money
from luthier.domain.value import Value
from luthier.train.plan.hardware import Hardware
from luthier.train.plan.shapes import ModelShape
from luthier.train.plan.tuning import Tuning, trainable_parameters

SECONDS_PER_HOUR = 3600


class Work(Value):
    """What a run reads, counted or estimated; padding is not in it."""

    training_tokens: int = Field(gt=0, description="Of one epoch.")
    validation_tokens: int = Field(default=0, ge=0, description="Of one evaluation.")
    epochs: int = Field(gt=0)
    evaluations: int = Field(default=1, ge=0)
    counted_by: str = Field(min_length=1, description="Where the number of tokens is from.")


def forward_flops(shape: ModelShape, row_tokens: int) -> int:
    """Floating-point operations of one token on its way through; it looks back over half a row on average."""
    return 2 * shape.multiplied_parameters + _attention_flops(shape, row_tokens)


def training_flops(shape: ModelShape, tuning: Tuning) -> int:
    """Of one token, there and back.

    The way back costs a product for the inputs of each matrix and, where it is trained, one for its weights: frozen
    weights cost 4 operations each, trained ones 6 (Kaplan et al., Scaling Laws, 2020, section 2.1, for the latter).
    """
    attention = 3 * _attention_flops(shape, tuning.row_tokens)
    if tuning.kind == "none":
        there_and_back = 6 * shape.multiplied_parameters + attention
    else:
        there_and_back = 4 * shape.multiplied_parameters + attention + 6 * trainable_parameters(shape, tuning)
    return there_and_back + (forward_flops(shape, tuning.row_tokens) if tuning.is_checkpointed else 0)


def total_flops(shape: ModelShape, tuning: Tuning, work: Work) -> int:
    """Of the whole run: every epoch, and every look at the validation rows."""
    trained = work.epochs * work.training_tokens * training_flops(shape, tuning)
    return trained + work.evaluations * work.validation_tokens * forward_flops(shape, tuning.row_tokens)


def hours_on(hardware: Hardware, flops: int, devices: int) -> float | None:
    """Hours of wall time, devices taken to share the work evenly; None where the pace is not known."""
    if hardware.usable_tflops is None:
        return None
    return flops / (hardware.usable_tflops * 1e12 * devices) / SECONDS_PER_HOUR


def price_of(hardware: Hardware, hours: float | None, devices: int) -> Money | None:
    """What the devices cost for so many hours; None where hours or price are not known."""
    if hours is None or hardware.price_per_hour is None:
        return None
    amount = (Decimal(str(hours)) * hardware.price_per_hour * devices).quantize(Decimal("0.01"))
    return Money(amount=amount, currency=hardware.currency)


def _attention_flops(shape: ModelShape, row_tokens: int) -> int:
    """Scores and their mean of values: two products of 2 operations over half a row."""
    return 2 * row_tokens * shape.attention_width * shape.layers
