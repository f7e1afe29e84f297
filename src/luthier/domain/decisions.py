"""Whether to prompt, retrieve or tune: the advice, what it rests on, and who overruled it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from luthier.domain.measure import Measurement
from luthier.domain.value import Value

Advice = Literal["prompt", "retrieve", "tune", "tune_and_retrieve", "stop", "not_enough_evidence"]
FailureKind = Literal[
    "format", "tone", "jargon", "tool_name", "wrong_argument", "missing_fact", "wrong_fact", "reasoning",
    "refusal_or_empty",
]  # fmt: skip
TUNING: frozenset[Advice] = frozenset({"tune", "tune_and_retrieve"})


class Concentration(Value):
    """A stratum that holds more of a group's rows than chance would put there."""

    stratum: str = Field(description="`task_type=create`.")
    inside: Measurement = Field(description="Of the stratum's rows, those that failed this way.")
    outside: Measurement = Field(description="Of all other rows.")
    p_value: float = Field(ge=0, le=1, description="Fisher's exact test, Holm over all kinds and strata.")


class FailureGroup(Value):
    """How many rows failed in one way; a row may fail in several, so shares need not add up to the whole."""

    kind: FailureKind
    share: Measurement = Field(description="Rows that failed this way, of all rows asked.")
    is_systematic: bool = Field(description="Even the low end of the share lies above the configured line.")
    is_labelable: bool = Field(description="An ideal answer that training can learn from exists for these rows.")
    remedy: Advice | None = Field(
        default=None, description="What the group calls for by itself; None in decisions made before this was told."
    )
    strata: tuple[Concentration, ...] = Field(default=(), description="Where its rows lie closer than by chance.")
    examples: tuple[str, ...] = Field(description="Ids of some of the rows.")

    @property
    def rows(self) -> int:
        """How many rows failed this way."""
        return self.share.hits or 0


class FailureTable(Value):
    """How one baseline failed, in which ways and how often."""

    variant: str
    failed: Measurement = Field(description="Rows with a wrong answer, of all rows asked.")
    groups: tuple[FailureGroup, ...]

    def group(self, kind: FailureKind) -> FailureGroup | None:
        """The rows that failed in this way, or None when there are none."""
        return next((group for group in self.groups if group.kind == kind), None)


class Trigger(Value):
    """One sign for or against tuning, whether it is there, and how that is known."""

    name: str
    speaks_for: Advice
    holds: bool | None = Field(description="None: nobody measured or stated it.")
    reason: str
    source: str = Field(default="", description="The articles that name the sign, where it is theirs.")


class ExpertTest(Value):
    """Whether an expert, shown exactly what the model was shown, could reliably give the right answer."""

    answer: Literal["yes", "no", "unknown"]
    answerable: Measurement | None = Field(description="Failed rows whose ideal answer follows from what was shown.")
    reading: str


class Provisional(Value):
    """What to try first, and where that probably leads, from what people expect and nothing measured."""

    project: str
    first: Advice = Field(description="The next step; prompting and retrieval are tried before tuning.")
    leads_to: Advice = Field(description="What the signs speak for, once the steps before it are measured.")
    reasons: tuple[str, ...]
    triggers: tuple[Trigger, ...]
    unanswered: tuple[str, ...] = Field(description="Settings that would change the advice and are not stated.")


class AdviceOverride(Value):
    """A person's decision to do otherwise than advised; it stays in the chain."""

    advice: Advice
    by: str = Field(min_length=1)
    reason: str = Field(min_length=10)
    at: datetime


class Decision(Value):
    """What to do about the problem, with every reason, and what was missing to say more."""

    project: str
    advice: Advice
    reasons: tuple[str, ...] = Field(min_length=1)
    missing: tuple[str, ...] = Field(default=(), description="What must be measured or provided before more is said.")
    failures: tuple[FailureTable, ...]
    triggers: tuple[Trigger, ...]
    expert_test: ExpertTest
    warnings: tuple[str, ...] = ()
    reports: Mapping[str, str] = Field(description="Baseline -> digest of the report that was read.")
    training_rows: int = Field(ge=0)
    override: AdviceOverride | None = None

    @property
    def effective(self) -> Advice:
        """The advice as it stands after any override."""
        return self.override.advice if self.override else self.advice

    @property
    def allows_tuning(self) -> bool:
        """Whether a training run may start."""
        return self.effective in TUNING
