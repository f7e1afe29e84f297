"""The `evaluation` section: article 004's file, unchanged, is one of these."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from luthier.domain.verdicts import Threshold
from luthier.errors import UserError
from luthier.evaluate.general.config import ForgettingConfig
from luthier.section import Section

_RULE = re.compile(r"^\s*([A-Za-z_][\w.@-]*)?\s*(.*)$", re.DOTALL)


def _names_of(written: object) -> object:
    """A list of names, also when written as one comma-separated line."""
    return [name.strip() for name in written.split(",") if name.strip()] if isinstance(written, str) else written


Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=80)], ...], BeforeValidator(_names_of)]


class BenchmarkConfig(Section):
    """One set of rows, what is measured on it, and the lines the figures must keep to."""

    name: str = Field(min_length=1, max_length=80, description="How reports, checks and the gate call it.")
    dataset: str = Field(default="gold", min_length=1, description="`gold`, `safety/NAME`, or a path or URL of rows.")
    metrics: Names = Field(
        default=(), description="Registered metric names; metrics with a threshold are measured anyway."
    )
    stratify_by: Names = Field(default=(), description="Tags of the rows that every figure is split by.")
    turns: Literal["all", "last"] = Field(
        default="all",
        description="Of a conversation, every answer of the assistant is asked for, or the last one only; of "
        "`safety/NAME` always the last, since what goes before is scripted.",
    )
    samples: int = Field(
        default=1, ge=1, le=20, description="Answers per row; the first is scored, all of them by `consistency`."
    )
    threshold: Mapping[str, str] = Field(
        default_factory=dict,
        description='Metric -> line to keep, such as ">= 0.97" or "< 3%"; also "refusal_rate >= 0.95".',
    )

    @field_validator("threshold", mode="before")
    @classmethod
    def _threshold_is_a_mapping(cls, written: object) -> object:
        if isinstance(written, str):
            written = written.split(",")
        return dict(_rule(str(part)) for part in written) if isinstance(written, (list, tuple)) else written

    @field_validator("threshold")
    @classmethod
    def _every_threshold_is_one(cls, threshold: Mapping[str, str]) -> Mapping[str, str]:
        return {metric: str(_threshold(line)) for metric, line in threshold.items()}

    @model_validator(mode="after")
    def _something_is_measured(self) -> Self:
        if "" in self.threshold and len(self.metrics) != 1:
            raise ValueError('a `threshold` without a metric needs exactly one metric; write "metric >= 0.95"')
        if not self.measured:
            raise ValueError(f"benchmark {self.name!r} measures nothing; name `metrics`, such as [exact_match]")
        return self

    @property
    def thresholds(self) -> Mapping[str, Threshold]:
        """Metric -> the line it must keep to; a line without a name belongs to the only metric."""
        return {metric or self.metrics[0]: Threshold.parse(line) for metric, line in self.threshold.items()}

    @property
    def measured(self) -> tuple[str, ...]:
        """Every metric that is asked for or judged, each once, in the order written."""
        return tuple(dict.fromkeys((*self.metrics, *self.thresholds)))


class HumanEvaluationConfig(Section):
    """How people rate answers without knowing whose they are."""

    blind: bool = Field(default=True, description="Raters never see which variant answered.")
    sample_size: int = Field(default=100, ge=1, le=100_000, description="Rows that are rated.")
    reviewers: int = Field(default=3, ge=1, le=100, description="People who rate each row.")
    scale: str = Field(default="1-5", pattern=r"^\d+\s*-\s*\d+$", description="Lowest and highest mark.")
    dimensions: Names = Field(
        default=("accuracy", "completeness", "tone", "compliance"), description="What is marked, one mark each."
    )

    @model_validator(mode="after")
    def _scale_rises(self) -> Self:
        low, high = self.marks
        if low >= high:
            raise ValueError(f"`scale` {self.scale!r} has no two marks; write the lowest first, such as 1-5")
        return self

    @property
    def marks(self) -> tuple[int, int]:
        """The lowest and the highest mark."""
        low, high = self.scale.split("-")
        return int(low), int(high)


class EvaluationConfig(Section):
    """The benchmarks of a project and how people rate a sample of answers."""

    benchmarks: tuple[BenchmarkConfig, ...] = Field(
        default=(BenchmarkConfig(name="task_accuracy", metrics=("exact_match", "f1")),), min_length=1
    )
    human_eval: HumanEvaluationConfig | None = Field(default=None, description="None: nobody is asked.")
    forgetting: ForgettingConfig | None = Field(
        default=None, description="What tuning must not make worse; None leaves it unmeasured, and the gate says so."
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [benchmark.name for benchmark in self.benchmarks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"benchmarks share the name{'s' if len(twice) > 1 else ''} {twice}; give each its own")
        return self


def _rule(text: str) -> tuple[str, str]:
    found = _RULE.match(text)
    return (found[1] or "", found[2].strip()) if found else ("", text)


def _threshold(line: str) -> Threshold:
    try:
        return Threshold.parse(line)
    except UserError as fault:
        raise ValueError(f"{fault.message}; {fault.hint}") from fault
