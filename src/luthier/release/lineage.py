"""Where a release comes from: one digest per role, each link checked against the next."""

from collections.abc import Sequence

from luthier.domain.reports import Report
from luthier.domain.runs import TrainingRun
from luthier.domain.snapshots import Manifest
from luthier.domain.variants import Variant
from luthier.errors import Refused


def lineage(
    variant: Variant,
    reports: Sequence[Report],
    *,
    snapshot: Manifest | None = None,
    run: TrainingRun | None = None,
) -> dict[str, str]:
    """Role -> digest: variant, base, adapter, run, snapshot, index, gold and report of each benchmark.

    Raises:
        Refused: A tuned variant without its run and snapshot, or two links that do not belong together.

    """
    if broken := _broken_link(variant, reports, snapshot, run):
        raise Refused(f"the lineage of {variant.name!r} is broken: {broken}", hint="run the chain again from the break")
    roles: dict[str, str | None] = {
        "variant": variant.digest,
        "base": run.base_weights if run else variant.model.weights,
        "adapter": variant.adapter,
        "run": run.digest if run else None,
        "snapshot": snapshot.digest if snapshot else None,
        "index": variant.retrieval.index if variant.retrieval else None,
    }
    for report in reports:
        roles |= {f"gold:{report.benchmark}": report.gold, f"report:{report.benchmark}": report.digest}
    return {role: digest for role, digest in roles.items() if digest is not None}


def _broken_link(
    variant: Variant, reports: Sequence[Report], snapshot: Manifest | None, run: TrainingRun | None
) -> str | None:
    if foreign := [report.benchmark for report in reports if report.variant_digest != variant.digest]:
        return f"the reports on {', '.join(foreign)} are of another variant"
    if variant.adapter is None:
        return "a run is named, and the variant carries no adapter" if run else None
    if run is None or snapshot is None:
        return "an adapter trained here needs its run and its snapshot"
    pairs = {
        "the run made another adapter": (run.adapter, variant.adapter),
        "the run was trained on another snapshot": (run.snapshot, snapshot.digest),
        "the run changed another base model": (run.base_weights, variant.model.weights or run.base_weights),
    }
    return next((said for said, (one, other) in pairs.items() if one != other), None)
