"""Everything a report tells, as one value; what is not measured yet is absent and never a figure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from luthier.assess.config import CharterConfig
from luthier.costs.types import CostReport, VariantCost
from luthier.data.card import DataCard
from luthier.domain.compare import PairedDifference
from luthier.domain.decisions import Decision
from luthier.domain.interactions import Finding
from luthier.domain.measure import Measurement
from luthier.domain.money import Money
from luthier.domain.releases import Approval, GateDecision, Override
from luthier.domain.runs import TrainingRun
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.lifecycle.drill import Drill
from luthier.lifecycle.links.review import Admission
from luthier.lifecycle.status import LinkStatus
from luthier.monitor.drift import DriftTest
from luthier.rollout.types import StageRecord, Status
from luthier.train.lab.learning import LearningCurve

SCHEMA = 1
VariantKind = Literal["baseline", "tuned", "control"]
VariantStep = Literal["prompt", "retrieve", "tune"]


class KpiFacts(Value):
    """One KPI: where it stood, where it must get to, and what the candidate reached on the gold set."""

    name: str
    now: float | None
    target: str
    owner: str
    measured: Measurement | None = Field(description="None where only production can tell.")
    verdict: Verdict | None


class Latency(Value):
    """Seconds per answer, over the answers of one report."""

    median_seconds: float = Field(ge=0)
    p95_seconds: float = Field(ge=0)
    n: int = Field(gt=0)


class VariantFacts(Value):
    """One variant as it was measured on the first benchmark."""

    name: str
    kind: VariantKind
    step: VariantStep | None = Field(default=None, description="None: a previous system, or answers that are copied.")
    made_of: str = Field(description="Model, adapter, retrieval and worked examples in one line.")
    report: str = Field(description="Digest of the report.")
    overall: Mapping[str, Measurement]
    verdicts: Mapping[str, Verdict]
    strata: Mapping[str, Mapping[str, Measurement]]
    missing_strata: tuple[str, ...]
    warnings: tuple[str, ...]
    faults: Mapping[str, int] = Field(description="Answers that are no valid call, by reason.")
    latency: Latency | None
    cost: VariantCost | None


class ReleaseFacts(Value):
    """One release: what it rests on, and who let it out."""

    id: str
    version: int
    variant: str
    variant_digest: str
    author: str
    created_at: datetime
    gate: str = Field(description="The gate's outcome before any override.")
    override: Override | None
    lineage: Mapping[str, str]
    approval: str
    approvals: tuple[Approval, ...]
    waiting_for: tuple[str, ...]


class GateFacts(Value):
    """The last decision of the gate on one variant; `name` tells a control run apart."""

    name: str
    at: datetime
    decision: GateDecision


class RolloutFacts(Value):
    """One release on its way through traffic stages, or back."""

    release: str
    variant: str
    previous: str | None = Field(description="None for the first release of all.")
    status: Status
    reason: str
    began_at: datetime
    ended_at: datetime | None
    stages: tuple[StageRecord, ...]


class TrafficPoint(Value):
    """Who answers which share of users from this moment on."""

    at: datetime
    percent: Mapping[str, float] = Field(description="Release -> percent of users.")
    killed: bool


class SwitchFacts(Value):
    """The kill switch was pulled or put back."""

    kind: Literal["killed", "resumed"]
    by: str
    reason: str
    at: datetime


class DrillFacts(Value):
    """One rehearsed rollback."""

    at: datetime
    drill: Drill


class HealthFacts(Value):
    """What the last look at served traffic found; no text of any user is part of it."""

    interactions: int
    tests: tuple[DriftTest, ...]
    new_words: float | None
    quality: Verdict | None
    findings: tuple[Finding, ...]
    failed: Mapping[str, int] = Field(description="Failed cases put before the reviewers, by reason.")


class AuditFacts(Value):
    """The audit log's length and the hash that seals it."""

    entries: int
    head: str


class ServedFacts(Value):
    """What one release served, and how it went."""

    release: str
    answers: int
    errors: int
    median_seconds: float
    p95_seconds: float
    solved: Measurement | None = Field(description="Of the answers that somebody judged.")


class Facts(Value):
    """The whole report."""

    schema_version: int = SCHEMA
    project: str
    at: datetime
    links: tuple[LinkStatus, ...]
    charter: CharterConfig
    kpis: tuple[KpiFacts, ...]
    data: DataCard | None
    review: Admission | None
    benchmark: str
    primary_metric: str
    lower_is_better: tuple[str, ...] = Field(description="Metrics of which less is better.")
    candidate: str | None = Field(description="The variant that is, or would be, released.")
    best_baseline: str | None
    variants: tuple[VariantFacts, ...]
    unmeasured: tuple[str, ...] = Field(description="Variants of the project file without a report.")
    differences: tuple[PairedDifference, ...]
    decision: Decision | None
    training: TrainingRun | None
    control: TrainingRun | None
    learning: LearningCurve | None = Field(default=None, description="What twice the rows would buy.")
    gates: tuple[GateFacts, ...]
    releases: tuple[ReleaseFacts, ...]
    rollouts: tuple[RolloutFacts, ...]
    traffic: tuple[TrafficPoint, ...]
    switches: tuple[SwitchFacts, ...]
    drills: tuple[DrillFacts, ...]
    served: tuple[ServedFacts, ...]
    health: HealthFacts | None
    costs: CostReport | None
    spent: Mapping[str, Money] = Field(description="Bucket -> what the ledger holds, in the project's currency.")
    audit: AuditFacts
    notes: tuple[str, ...] = Field(description="What could not be told, and why.")

    def variant(self, name: str | None) -> VariantFacts | None:
        """The variant of that name, where it was measured."""
        return next((each for each in self.variants if each.name == name), None)

    def difference(self, name: str | None, other: str | None, metric: str) -> PairedDifference | None:
        """How one variant differs from another on one metric, where that was compared."""
        wanted = (name, other, metric)
        return next((each for each in self.differences if (each.variant, each.other, each.metric) == wanted), None)
