"""What may be chosen for a tuning run: the `train` section of the project file.

The defaults suit the bundled model of four million parameters. For a model of a billion parameters and more lower
`learning_rate` to about 2e-4 and `adapter.rank` to 16: big models move further with the same step.
"""

from typing import Literal

from pydantic import Field, field_validator

from luthier.section import Section
from luthier.train.backend_config import BackendConfig, LocalBackend

Scheduler = Literal["cosine", "linear", "constant"]
Precision = Literal["auto", "fp32", "bf16"]
Device = Literal["auto", "cpu", "cuda"]
Optimizer = Literal["adamw", "muon"]


class LoraConfig(Section):
    """Which layers a run may change, and how far."""

    kind: Literal["lora"] = "lora"
    rank: int = Field(default=32, ge=1, le=512, description="Columns in each adapter matrix.")
    alpha: int = Field(default=64, gt=0, le=4096, description="Adapter scale is alpha / rank.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of adapter inputs set to zero while training.")
    layers: Literal["all-linear"] | tuple[str, ...] = Field(
        default="all-linear", description="Names of the linear layers, or all of them but the output layer."
    )

    @field_validator("layers")
    @classmethod
    def _something_must_train(cls, layers: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not layers:
            raise ValueError("`layers` is empty, so nothing would train; try [q_proj, v_proj] or all-linear")
        return layers


class EarlyStoppingConfig(Section):
    """When a run has learned what it can; the adapter with the lowest validation loss is the one kept."""

    patience: int = Field(default=3, ge=1, le=1000, description="Evaluations without improvement before stopping.")
    min_delta: float = Field(default=0.0, ge=0, description="Nats per token that count as an improvement.")


class TrainConfig(Section):
    """One tuning run: what is learned from, how fast, and when it ends."""

    method: Literal["sft"] = Field(default="sft", description="Supervised fine-tuning on the ideal answers.")
    adapter: LoraConfig = LoraConfig()
    learning_rate: float = Field(default=2e-3, gt=0, le=1, description="Peak step size.")
    optimizer: Optimizer = Field(
        default="adamw",
        description="`muon` turns each update into an orthogonal matrix: more per token on small models.",
    )
    scheduler: Scheduler = Field(default="cosine", description="How the step size falls after the warm-up.")
    warmup_share: float = Field(default=0.05, ge=0, lt=1, description="Share of the steps that the step size rises.")
    weight_decay: float = Field(default=0.0, ge=0, le=1, description="Decoupled decay of the adapter's weights.")
    max_gradient_norm: float = Field(default=1.0, gt=0, description="Longer gradients are scaled down to this.")
    epochs: int = Field(default=2, ge=1, le=1000, description="Passes over the training rows, at most.")
    batch_size: int = Field(default=32, ge=1, le=65_536, description="Conversations per optimizer step.")
    micro_batch_tokens: int = Field(
        default=4096,
        ge=16,
        le=1 << 24,
        description="Tokens, padding included, in memory at once; fewer cost time only.",
    )
    max_tokens_per_example: int | None = Field(
        default=None, ge=8, description="Longer conversations are too long; None is the model's own context."
    )
    too_long: Literal["refuse", "drop"] = Field(
        default="refuse", description="Whether a conversation that is too long stops the run or is left out, counted."
    )
    loss_on: Literal["final_turn", "all_assistant_turns"] = Field(
        default="final_turn", description="Which assistant turns are learned; few-shot turns are context, not targets."
    )
    evaluate_every_epochs: float = Field(
        default=0.5, gt=0, le=1000, description="Epochs between two measurements of the validation loss."
    )
    early_stopping: EarlyStoppingConfig | None = Field(
        default=EarlyStoppingConfig(), description="None runs every epoch and keeps the last adapter."
    )
    time_limit_seconds: float | None = Field(
        default=None, gt=0, description="The schedule is shortened as soon as the pace shows that it will not fit."
    )
    checkpoint_every_steps: int = Field(default=100, ge=1, description="Steps between two states a run resumes from.")
    keep_checkpoints: Literal["best", "all"] = Field(
        default="best", description="`all` keeps the adapter of every evaluation beside the run's checkpoints."
    )
    backend: BackendConfig = Field(default=LocalBackend(), description="Where the run computes.")
    precision: Precision = Field(default="auto", description="fp32 on a CPU; bf16 where the accelerator has it.")
    device: Device = Field(default="auto", description="An accelerator where there is one.")
    seed: int = Field(default=0, ge=0, lt=1 << 31, description="Fixes the adapter's start and the order of the rows.")
