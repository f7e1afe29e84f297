"""What may be chosen for a tuning run: the `train` section of the project file.

The defaults suit the bundled model of four million parameters. For a model of a billion parameters and more lower
`learning_rate` to about 2e-4 and `adapter.rank` to 16: big models move further with the same step.
"""

from typing import Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from luthier.section import Section
from luthier.train.backend_config import BackendConfig, LocalBackend, TeamBackend
from luthier.train.canaries.config import CanariesConfig
from luthier.train.lab.config import MeasureConfig, SearchConfig, Tracker

Method = Literal["sft", "dpo", "kto", "distill"]
AdapterKind = Literal["lora", "dora", "qlora", "none"]
Scheduler = Literal["cosine", "linear", "constant"]
Precision = Literal["auto", "fp32", "bf16"]
Device = Literal["auto", "cpu", "cuda"]
Optimizer = Literal["adamw", "muon"]


def _chosen(section: Section, *names: str) -> list[str]:
    """Those of the fields that differ from their defaults."""
    return [name for name in names if getattr(section, name) != type(section).model_fields[name].default]


class LoraConfig(Section):
    """Which layers a run may change, and how far."""

    kind: AdapterKind = Field(
        default="lora",
        description="`dora` also trains column lengths, `qlora` keeps the base in 4 bits, `none` trains all weights.",
    )
    rank: int = Field(default=32, ge=1, le=512, description="Columns in each adapter matrix.")
    alpha: int = Field(default=64, gt=0, le=4096, description="Adapter scale is alpha / rank.")
    use_rslora: bool = Field(default=False, description="Adapter scale is alpha / sqrt(rank), steadier at high ranks.")
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

    @model_validator(mode="after")
    def _full_tuning_has_no_adapter(self) -> Self:
        if self.kind == "none" and (unread := _chosen(self, "rank", "alpha", "use_rslora", "dropout", "layers")):
            raise ValueError(f"`kind: none` trains every weight, so {unread} would do nothing; leave them out")
        return self


class DpoConfig(Section):
    """How far preferences may pull a model from where it started."""

    beta: float = Field(default=0.1, gt=0, le=10, description="Higher stays closer to the reference.")
    loss: Literal["sigmoid", "ipo"] = Field(
        default="sigmoid", description="`ipo` aims at a margin instead of the largest one; for few or clean pairs."
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5, description="Share of pairs expected to be swapped.")

    @model_validator(mode="after")
    def _only_one_loss_smooths(self) -> Self:
        if self.loss == "ipo" and self.label_smoothing:
            raise ValueError("`label_smoothing` belongs to the sigmoid loss; leave it out with `loss: ipo`")
        return self


class KtoConfig(Section):
    """What single judgements weigh."""

    beta: float = Field(default=0.1, gt=0, le=10, description="Higher stays closer to the reference.")
    good_weight: float = Field(default=1.0, gt=0, le=100, description="Of answers judged good.")
    bad_weight: float = Field(
        default=1.0, gt=0, le=100, description="Of answers judged bad; raise it where they are the few."
    )


class DistillConfig(Section):
    """What a smaller model learns from a larger one."""

    teacher: str = Field(min_length=1, description="A name in `models`.")
    learn_from: Literal["answers", "logits"] = Field(
        default="answers",
        description="Its answers (any engine), or its distributions (a local model, same vocabulary).",
    )
    student_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of steps on answers that the student samples; the rest on the rows'.",
    )
    beta: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="0 covers all that the teacher might say, 1 keeps to what it most likely says.",
    )
    temperature: float = Field(default=1.0, gt=0, le=10, description="Of both distributions and of the samples.")
    max_sampled_tokens: int = Field(default=128, ge=1, le=1 << 16, description="Length of a sampled answer, at most.")

    @model_validator(mode="after")
    def _answers_need_no_distributions(self) -> Self:
        unread = _chosen(self, "student_share", "beta", "temperature", "max_sampled_tokens")
        if self.learn_from == "answers" and unread:
            raise ValueError(
                f"{unread} would do nothing with `learn_from: answers`; set it to logits or leave them out"
            )
        return self


class EarlyStoppingConfig(Section):
    """When a run has learned what it can; the adapter with the lowest validation loss is the one kept."""

    patience: int = Field(default=3, ge=1, le=1000, description="Evaluations without improvement before stopping.")
    min_delta: float = Field(default=0.0, ge=0, description="Nats per token that count as an improvement.")


class TrainConfig(Section):
    """One tuning run: what is learned from, how fast, and when it ends."""

    method: Method = Field(
        default="sft",
        description="Ideal answers, preference pairs, single judgements, or a larger model to learn from.",
    )
    dpo: DpoConfig | None = Field(default=None, description="For `method: dpo`; None is the defaults.")
    kto: KtoConfig | None = Field(default=None, description="For `method: kto`; None is the defaults.")
    distill: DistillConfig | None = Field(default=None, description="For `method: distill`, which needs a teacher.")
    adapter: LoraConfig = LoraConfig()
    justification: str | None = Field(
        default=None, min_length=20, description="Why every weight must train; `adapter.kind: none` is refused without."
    )
    learning_rate: float = Field(default=2e-3, gt=0, le=1, description="Peak step size.")
    optimizer: Optimizer = Field(
        default="adamw",
        description="`muon` turns each update into an orthogonal matrix: more per token on small models.",
    )
    scheduler: Scheduler = Field(default="cosine", description="How the step size falls after the warm-up.")
    warmup_share: float = Field(default=0.05, ge=0, lt=1, description="Share of the steps that the step size rises.")
    weight_decay: float = Field(default=0.0, ge=0, le=1, description="Decoupled decay of the adapter's weights.")
    max_gradient_norm: float = Field(default=1.0, gt=0, description="Longer gradients are scaled down to this.")
    stop_at_gradient_norm: float = Field(
        default=1e4, gt=0, description="A longer gradient, before it is scaled down, ends the run as exploded."
    )
    epochs: int = Field(default=2, ge=1, le=1000, description="Passes over the training rows, at most.")
    batch_size: int = Field(default=32, ge=1, le=65_536, description="Rows per optimizer step.")
    micro_batch_tokens: int = Field(
        default=4096,
        ge=16,
        le=1 << 24,
        description="Tokens in memory at once, those that rows share counted once; fewer cost time only.",
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
    activation_checkpointing: bool = Field(
        default=False, description="Layers are computed again on the way back: far less memory, a third slower."
    )
    backend: BackendConfig = Field(default=LocalBackend(), description="Where the run computes.")
    precision: Precision = Field(default="auto", description="fp32 on a CPU; bf16 where the accelerator has it.")
    device: Device = Field(default="auto", description="An accelerator where there is one.")
    seed: int = Field(default=0, ge=0, lt=1 << 31, description="Fixes the adapter's start and the order of the rows.")
    canaries: CanariesConfig | None = Field(
        default=None, description="None plants no secrets, so that nobody knows what a run memorises."
    )
    measure: MeasureConfig | None = Field(default=None, description="None measures the loss alone.")
    search: SearchConfig | None = Field(default=None, description="For `luthier train search`.")
    tracking: tuple[Tracker, ...] = Field(
        default=(),
        description="Where runs are told besides the store: files, in `tracking` of the project's home.",
    )

    @property
    def recipe(self) -> dict[str, JsonValue]:
        """What fixes a run: every setting but those that say who is told, what else to try, and what is put up with.

        Canaries that nobody asked for leave it as it was before there were any, so that no run is done again for them.
        """
        return self.model_dump(
            mode="json",
            exclude={"search": True, "tracking": True, "canaries": {"most_bits"} if self.canaries else True},
        )

    @property
    def is_sharded(self) -> bool:
        """Whether the frozen weights lie in shares on the processes of a team."""
        return isinstance(self.backend, TeamBackend) and self.backend.is_sharded

    @model_validator(mode="after")
    def _no_section_is_for_another_method(self) -> Self:
        for name in ("dpo", "kto", "distill"):
            if getattr(self, name) is not None and self.method != name:
                raise ValueError(f"`{name}` would do nothing with `method: {self.method}`; leave it out")
        if self.method == "distill" and self.distill is None:
            raise ValueError("`method: distill` needs a teacher; add `distill: {teacher: NAME}`")
        learns_logits = self.distill is not None and self.distill.learn_from == "logits"
        if (self.method in {"dpo", "kto"} or learns_logits) and self.loss_on != "final_turn":
            raise ValueError(f"`method: {self.method}` is about final answers; leave `loss_on` out")
        return self

    @model_validator(mode="after")
    def _full_tuning_is_justified(self) -> Self:
        is_full = self.adapter.kind == "none"
        if is_full and self.justification is None:
            raise ValueError(
                "training every weight costs 10 to 50 times an adapter and forgets more; "
                "say in `train.justification` why an adapter is not enough, or choose lora"
            )
        if not is_full and self.justification is not None:
            raise ValueError("`justification` is for `adapter.kind: none` only; leave it out")
        return self

    @model_validator(mode="after")
    def _canaries_are_answers_to_learn(self) -> Self:
        if self.canaries is not None and (self.method != "sft" or self.backend.kind == "hosted"):
            raise ValueError(
                "`canaries` are answers to learn, whose likelihood is read from the weights afterwards; they go with "
                "`method: sft` on machines of ours, so leave them out here"
            )
        return self

    @model_validator(mode="after")
    def _free_answers_need_the_model_here(self) -> Self:
        if self.measure is not None and self.backend.kind != "local":
            raise ValueError(
                f"`measure` asks the model in this process, and `backend: {self.backend.kind}` trains it elsewhere; "
                "leave `measure` out, and run `luthier evaluate` afterwards"
            )
        return self

    @model_validator(mode="after")
    def _shares_are_of_frozen_weights(self) -> Self:
        if not self.is_sharded:
            return self
        if self.adapter.kind in {"qlora", "none"}:
            why = "weights in 4 bits cannot be cut" if self.adapter.kind == "qlora" else "only frozen weights are cut"
            raise ValueError(
                f"`backend.is_sharded` with `adapter.kind: {self.adapter.kind}`: {why}; choose lora or dora"
            )
        if self.distill is not None and self.distill.learn_from == "logits":
            raise ValueError("`backend.is_sharded` and a teacher's distributions: the teacher would be whole anyway")
        return self

    @model_validator(mode="after")
    def _a_provider_is_not_tracked(self) -> Self:
        if self.tracking and self.backend.kind == "hosted":
            raise ValueError("`tracking` hears of runs on our machines; the provider of `backend: hosted` has its own")
        return self

    @model_validator(mode="after")
    def _muon_turns_matrices_only(self) -> Self:
        if self.optimizer == "muon" and self.adapter.kind in {"dora", "none"}:
            raise ValueError(f"muon trains matrices alone and `{self.adapter.kind}` also has vectors; choose adamw")
        return self
