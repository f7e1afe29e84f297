"""A variant with its evidence, and how far it may go."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from luthier.domain.value import Value
from luthier.domain.variants import Variant
from luthier.domain.verdicts import Verdict


class Override(Value):
    """A person's decision to go on against a gate; it stays in the chain."""

    by: str
    reason: str = Field(min_length=10)
    at: datetime


class GateDecision(Value):
    """What the gate said of one variant, per check and overall."""

    variant: str
    variant_digest: str
    verdict: Verdict
    checks: Mapping[str, Verdict]
    override: Override | None = None
    warnings: tuple[str, ...] = Field(default=(), description="What an approver should know and no check enforces.")

    @property
    def lets_through(self) -> bool:
        """Whether a release may be made of the variant."""
        return self.verdict.outcome == "pass" or self.override is not None


class Release(Value):
    """A variant that passed its gate, with everything needed to say how it came about."""

    id: str
    version: int = Field(ge=1)
    project: str
    variant: Variant
    gate: GateDecision
    lineage: Mapping[str, str] = Field(description="Evidence by role -> digest: snapshot, gold, report, adapter, base.")
    author: str
    created_at: datetime


class Approval(Value):
    """One named person's decision on one release."""

    release_id: str
    approver: str
    decision: Literal["approve", "reject"]
    reason: str = Field(min_length=1)
    at: datetime
