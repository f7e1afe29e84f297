"""What a run trains: its kind of adapter, or `none` for every weight, and how many parameters that makes."""

from typing import Literal, Self

from pydantic import Field, model_validator

from luthier.domain.value import Value
from luthier.train.plan.shapes import Linear, ModelShape

Kind = Literal["lora", "dora", "qlora", "none"]
Precision = Literal["bf16", "fp32"]
Optimizer = Literal["adamw", "muon"]


class Tuning(Value):
    """The settings of a run that decide what it needs."""

    kind: Kind
    rank: int | None = Field(default=None, ge=1, description="Of an adapter; None where every weight trains.")
    layers: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    optimizer: Optimizer = "adamw"
    precision: Precision = "bf16"
    tokens_at_once: int = Field(gt=0, description="Padding included: micro-batch, or the longest conversation.")
    row_tokens: int = Field(gt=0, description="Of one conversation; what attention looks back over.")
    is_checkpointed: bool = Field(default=False, description="Whether layers are computed again on the way back.")
    devices: int = Field(default=1, ge=1)
    is_sharded: bool = Field(default=False, description="Whether devices hold a share of the weights each, or all.")

    @model_validator(mode="after")
    def _an_adapter_has_a_rank(self) -> Self:
        if (self.rank is None) != (self.kind == "none"):
            raise ValueError("`rank` belongs to adapters: give one, or kind `none` without one")
        return self


def trainable_parameters(shape: ModelShape, tuning: Tuning) -> int:
    """How many parameters the optimizer moves."""
    if tuning.rank is None:
        return shape.total_parameters
    return shape.layers * sum(_adapter(linear, tuning.rank, tuning.kind) for linear in adapted(shape, tuning))


def adapted(shape: ModelShape, tuning: Tuning) -> tuple[Linear, ...]:
    """The matrices of one layer that carry an adapter."""
    if tuning.layers == "all-linear":
        return shape.linears
    return tuple(shape.linear(name) for name in tuning.layers)


def _adapter(linear: Linear, rank: int, kind: Kind) -> int:
    """Two thin matrices; DoRA adds one length per output."""
    return rank * (linear.inputs + linear.outputs) + (linear.outputs if kind == "dora" else 0)
