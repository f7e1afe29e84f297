"""Whether failures of one kind lie in one stratum rather than everywhere."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

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
    p_values = [more_than_chance(hits, rows[tag], len(failed[kind]), len(cases)) for kind, tag, hits in tried]
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


def more_than_chance(hits: int, inside: int, failed: int, of: int) -> float:
    """The chance that `hits` or more of the failed rows lie among `inside` of all rows, were they drawn blindly.

    Source: Fisher's exact test, one-sided: the upper tail of the hypergeometric distribution.
    """
    whole = _log_ways(of, failed)
    terms = (
        math.exp(_log_ways(inside, count) + _log_ways(of - inside, failed - count) - whole)
        for count in range(max(hits, failed - (of - inside)), min(inside, failed) + 1)
    )
    return min(1.0, math.fsum(terms))


def _log_ways(of: int, drawn: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(drawn + 1) - math.lgamma(of - drawn + 1)


def _tags(case: Case) -> list[str]:
    return [f"{name}={value}" for name, value in case.strata.items()]
