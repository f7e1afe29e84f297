"""What the verdict is drawn from."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from luthier.domain.calls import ToolSpec
from luthier.domain.examples import Example
from luthier.domain.reports import Report
from luthier.domain.value import Value
from luthier.domain.variants import Variant

BaselineKind = Literal["nearest", "prompt", "few_shot", "rag", "tuned", "previous"]


class Baseline(Value):
    """One way to answer and what was measured of it."""

    variant: Variant
    report: Report

    @property
    def kind(self) -> BaselineKind:
        """Which step of prompt, retrieve, tune this is."""
        if self.variant.adapter:
            return "tuned"
        if self.variant.model.engine == "nearest":
            return "nearest"
        if self.variant.model.engine == "recorded":
            return "previous"
        if self.variant.retrieval:
            return "rag"
        return "few_shot" if self.variant.shots else "prompt"


class Evidence(Value):
    """Everything that was measured and may be learned from."""

    project: str
    baselines: tuple[Baseline, ...]
    training: tuple[Example, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    passages: Mapping[str, str] = Field(default={}, description="Passage id -> text, of the knowledge base.")
