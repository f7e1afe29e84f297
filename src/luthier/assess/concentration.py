"""Whether failures of one kind lie in one stratum rather than everywhere."""

from collections import Counter
from collections.abc import Mapping, Sequence

from scipy.stats import hypergeom

from luthier.domain.compare import holm
from luthier.domain.decisions import Concentration, FailureKind
from luthier.domain.measure import Measurement
from luthier.domain.reports import Case

ALPHA = 0.05


def concentrations(
    cases: Sequence[Case], failed: Mapping[FailureKind, Sequence[Case]]
) -> dict[FailureKind, tuple[Concentration, ...]]:
    """Per kind the strata that hold more of its rows than chance would put there, the most telling first.

    Fisher's exact test, one-sided, of each kind in each stratum against the rows outside it; Holm over all of them.
    """
    rows = Counter(tag for case in cases for tag in _tags(case))
    tags = [tag for tag, count in rows.items() if count < len(cases)]
    tried = [(kind, tag, sum(tag in _tags(case) for case in found)) for kind, found in failed.items() for tag in tags]
    p_values = [
        float(hypergeom.sf(hits - 1, len(cases), len(failed[kind]), rows[tag])) for kind, tag, hits in tried
    ]  # fmt: skip
    found: dict[FailureKind, list[Concentration]] = {kind: [] for kind in failed}
    for (kind, tag, hits), p_value in zip(tried, holm(p_values), strict=True):
        if p_value < ALPHA:
            outside, elsewhere = len(failed[kind]) - hits, len(cases) - rows[tag]
            found[kind].append(
                Concentration(
                    stratum=tag,
                    inside=Measurement.of_proportion(kind, hits, n=rows[tag]),
                    outside=Measurement.of_proportion(kind, outside, n=elsewhere),
                    p_value=min(1.0, p_value),
                )
            )
    return {kind: tuple(sorted(each, key=lambda one: one.p_value)) for kind, each in found.items()}


def _tags(case: Case) -> list[str]:
    return [f"{name}={value}" for name, value in case.strata.items()]
