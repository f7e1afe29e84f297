"""The `evaluation.production_release` section: who decides, and what must be beaten."""

from typing import Self

from pydantic import Field, model_validator

from luthier.section import Section


class ReleaseConfig(Section):
    """Named approvers of every release, and the variants it must beat."""

    approvers: tuple[str, ...] = Field(
        min_length=1,
        max_length=20,
        description="Names or roles; each must approve, never the release's author.",
    )
    compare_with: tuple[str, ...] = Field(
        default=(), max_length=50, description="Variants to beat on the same rows; the best baseline always is."
    )
    primary_metric: str = Field(default="exact_match", min_length=1, description="The metric that must get better.")
    minimum_rows: int = Field(default=200, ge=1, description="On fewer rows of a benchmark the gate holds.")

    fallback: str = Field(
        default="prompt", min_length=1, description="The prompt baseline: first release, and what is fallen back to."
    )
    candidate: str | None = Field(
        default=None, description="Variant to release; None takes the tuned one with the best primary metric."
    )

    @model_validator(mode="after")
    def _each_is_named_once(self) -> Self:
        for field, names in (("approvers", self.approvers), ("compare_with", self.compare_with)):
            if any(not name.strip() for name in names) or len(set(names)) < len(names):
                raise ValueError(f"`{field}` must name each entry once, and none empty")
        return self
