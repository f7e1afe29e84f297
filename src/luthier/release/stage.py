"""From evidence to a release: the gate's decision, and the release it lets through."""

from collections.abc import Mapping
from datetime import datetime

from luthier.domain.releases import GateDecision, Override, Release
from luthier.domain.variants import Variant
from luthier.errors import NotEnoughEvidence, Refused
from luthier.release.config import ReleaseConfig
from luthier.release.gate import decide
from luthier.release.types import Evidence

VERSION = 2


def run(config: ReleaseConfig, evidence: Evidence, *, override: Override | None = None) -> GateDecision:
    """The gate's decision; a first release carries no adapter, since it is what tuned ones fall back to."""
    if evidence.first_release and evidence.variant.adapter is not None:
        raise Refused(
            f"{evidence.variant.name!r} is tuned and cannot be the first release",
            hint="release the prompt baseline first: it is what a rollback goes to",
        )
    return decide(config, evidence, override=override)


def release_of(
    gate: GateDecision,
    variant: Variant,
    lineage: Mapping[str, str],
    *,
    release_id: str,
    version: int,
    project: str,
    author: str,
    now: datetime,
) -> Release:
    """The release of a variant that its gate let through.

    Raises:
        Refused: The gate failed, or decided on another variant.
        NotEnoughEvidence: The gate holds.

    """
    if gate.variant_digest != variant.digest:
        raise Refused(f"the gate decided on another state of {variant.name!r}", hint="run the gate again")
    require_pass(gate)
    return Release(
        id=release_id, version=version, project=project, variant=variant, gate=gate, lineage=lineage, author=author,
        created_at=now,
    )  # fmt: skip


def require_pass(gate: GateDecision) -> None:
    """Nothing when the gate lets through; else the refusal with its reasons."""
    if gate.lets_through:
        return
    reasons = "; ".join(gate.verdict.reasons)
    if gate.verdict.outcome == "fail":
        raise Refused(f"the gate refuses {gate.variant!r}: {reasons}", hint="mend the cause, or override with a reason")
    raise NotEnoughEvidence(f"the gate holds {gate.variant!r}: {reasons}", hint="gather what it says is missing")
