"""The `charter` and `assess` sections of the project file."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from luthier.domain.verdicts import Threshold
from luthier.errors import UserError
from luthier.section import Section

Change = Literal["never", "yearly", "monthly", "weekly", "daily", "real_time"]


def _checked_threshold(text: str) -> str:
    try:
        return str(Threshold.parse(text))
    except UserError as fault:
        raise ValueError(f"{fault.message}; {fault.hint}") from fault


class KpiConfig(Section):
    """One figure that the business watches, where it stands, and where it must get to."""

    name: str = Field(min_length=1, max_length=80, description="What the business calls it.")
    now: float | None = Field(default=None, description="Today's figure, before the project.")
    target: str = Field(description='The line to reach, such as "< 0.03".')
    owner: str = Field(default="", max_length=120, description="Who answers for it; a charter without one is refused.")
    metric: str | None = Field(
        default=None, description="The evaluation metric that stands for it, where its name is another."
    )

    _target = field_validator("target")(_checked_threshold)

    @property
    def line(self) -> Threshold:
        """The target, parsed."""
        return Threshold.parse(self.target)


class KillCriterionConfig(Section):
    """When the project stops: what must have been reached, and by when."""

    metric: str = Field(min_length=1, max_length=80, description="Name of a KPI of this charter.")
    must_reach: str = Field(description='The line to reach in time, such as "< 0.06"; no harder than the target.')
    within_weeks: int = Field(default=8, ge=1, le=26, description="Weeks from the start.")

    _must_reach = field_validator("must_reach")(_checked_threshold)

    @property
    def line(self) -> Threshold:
        """The line, parsed."""
        return Threshold.parse(self.must_reach)


class TaxonomyConfig(Section):
    """What the task is made of, written with the people who do it today."""

    input_types: tuple[str, ...] = Field(default=(), description="Kinds of input, e.g. `complaint about a delivery`.")
    correct_output: str = Field(default="", max_length=2_000, description="What a correct answer looks like.")
    edge_cases: tuple[str, ...] = Field(default=(), description="Inputs on which people disagree or slip.")
    glossary: Mapping[str, tuple[str, ...]] = Field(
        default={}, description="Term of the field -> words that are wrongly said in its place; none is allowed."
    )


class StyleConfig(Section):
    """How answers in prose must sound, as far as a machine can tell."""

    forbidden: tuple[str, ...] = Field(default=(), description="Words or phrases that no answer may hold.")
    expected: tuple[str, ...] = Field(default=(), description="Words or phrases of which each answer holds one.")
    max_words: int | None = Field(default=None, ge=1, description="Longest answer.")
    min_words: int = Field(default=0, ge=0, description="Shortest answer.")

    @model_validator(mode="after")
    def _some_length_is_left(self) -> Self:
        if self.max_words is not None and self.min_words > self.max_words:
            raise ValueError("`min_words` is above `max_words`; no answer could keep both")
        return self


class BoxConfig(Section):
    """One readiness box: who answers for it, by when, and since when it is ticked."""

    owner: str = Field(min_length=1, max_length=120, description="Who answers for it.")
    due: date | None = Field(default=None, description="By when it should be ticked.")
    ticked_on: date | None = Field(default=None, description="When the owner ticked it; without a day it is open.")


Box = str | BoxConfig | None


class ReadinessConfig(Section):
    """Four boxes; while one is open, tuning is postponed. A bare name is the one who ticked it."""

    legal: Box = Field(default=None, description="Signed off the data sources.")
    security: Box = Field(default=None, description="Reviewed artifact storage and access.")
    sre: Box = Field(default=None, description="Checked latency, fallbacks and capacity.")
    metrics: Box = Field(default=None, description="Tied the success metrics to the KPIs.")

    @property
    def open_boxes(self) -> tuple[str, ...]:
        """The boxes that nobody ticked."""
        return tuple(name for name, box in self if not box or (isinstance(box, BoxConfig) and box.ticked_on is None))

    def open_box(self, name: str) -> str:
        """An open box in words: its name, and whose it is and by when where that is stated."""
        box = dict(self)[name]
        if not isinstance(box, BoxConfig):
            return f"{name} (nobody)"
        return f"{name} ({box.owner}{f', due {box.due:%Y-%m-%d}' if box.due else ''})"


class CharterConfig(Section):
    """One narrow problem, its KPIs with owners, and when to stop."""

    problem: str = Field(min_length=1, max_length=2_000, description="One narrow task, in one or two sentences.")
    kpis: tuple[KpiConfig, ...] = Field(default=(), description="What must move; each needs an owner.")
    kill_criterion: KillCriterionConfig | None = Field(default=None, description="Needed; stops a project in time.")
    taxonomy: TaxonomyConfig | None = Field(default=None, description="Input types, correct output, edge cases.")
    style: StyleConfig | None = Field(default=None, description="The style sheet that tone is held against.")
    readiness: ReadinessConfig | None = Field(default=None, description="Absent: the four boxes are not used.")


class ExpectsConfig(Section):
    """What people expect of the task before anything was measured; what is left out was not answered."""

    fixed_format: bool | None = Field(default=None, description="Answers must always have one structure or style.")
    own_tone: bool | None = Field(default=None, description="Answers must sound like us.")
    jargon: bool | None = Field(default=None, description="The wording of our field is often misunderstood.")
    tool_calls: bool | None = Field(default=None, description="Answers are calls that a system takes.")
    changing_facts: bool | None = Field(default=None, description="Answers rest on prices, policies, specifications.")
    long_prompt: bool | None = Field(default=None, description="The prompt would be longer than the task.")
    small_model: bool | None = Field(default=None, description="A smaller, faster or cheaper model must do the work.")
    prompt_tried: bool | None = Field(default=None, description="A prompt was written, measured and improved.")
    retrieval_tried: bool | None = Field(default=None, description="Retrieval was measured on top of it.")
    clean_rows: int | None = Field(default=None, ge=0, description="Clean examples at hand, or soon to be labelled.")


class AssessConfig(Section):
    """What the verdict is drawn from, besides the baselines that were run."""

    metric: str = Field(default="exact_match", description="Per-row score; a row below 1 counts as failed.")
    systematic_share: float = Field(
        default=0.05, gt=0, lt=1, description="A way to fail is systematic when its share surely exceeds this."
    )
    min_rows_asked: int = Field(default=200, ge=1, description="Fewer benchmark rows than this decide nothing.")
    min_training_rows: int = Field(default=300, ge=1, description='Hard stop of tuning: "a few hundred" clean rows.')
    facts_change: Change = Field(default="monthly", description="How often the facts in answers change.")
    training_allowed: bool = Field(default=True, description="Whether contracts and law let us train on this data.")
    can_label_more: bool = Field(default=True, description="Whether there are people or money for more labels.")
    calls_per_day: int | None = Field(default=None, ge=0, description="Expected load.")
    must_run_offline: bool = Field(default=False, description="Whether the data may not leave our machines.")
    expert_could_answer: Literal["yes", "no", "unknown"] = Field(
        default="unknown",
        description="Article 004's test, answered by a person: would an expert shown the same context be right?",
    )
    expects: ExpectsConfig = Field(
        default=ExpectsConfig(), description="Answers for `luthier assess ask`, which advises before data exists."
    )
