"""What a benchmark will be able to show, said before anything is spent on it."""

from collections.abc import Sequence

import numpy as np

from luthier.domain.power import smallest_visible_difference
from luthier.domain.reports import Report
from luthier.domain.resampling import Floats
from luthier.domain.verdicts import most_misses
from luthier.evaluate.config import BenchmarkConfig
from luthier.evaluate.metrics import Metric, chosen

ASSUMED = 0.1
"""Share of rows on which two variants differ, where nothing was measured that could tell."""


def foresee(benchmark: BenchmarkConfig, n: int, measured: Sequence[Report] = ()) -> list[str]:
    """One sentence per metric and per line to keep, for `n` rows; pairs of earlier reports tell how variants differ."""
    lines = [_visible(metric, n, measured) for metric in chosen(benchmark.name, benchmark.measured).values()]
    return [f"{benchmark.name}: {line}" for line in (*lines, *_lines(benchmark, n)) if line]


def in_short(benchmark: BenchmarkConfig, n: int, measured: Sequence[Report] = ()) -> str:
    """The first metric that can be told and every line to keep, as one sentence before a run."""
    told = (_visible(metric, n, measured) for metric in chosen(benchmark.name, benchmark.measured).values())
    first = next((line for line in told if line), "")
    return f"{benchmark.name}: " + "; ".join([line for line in (first, *_lines(benchmark, n)) if line])


def _visible(metric: Metric, n: int, measured: Sequence[Report]) -> str:
    if metric.pooled is not None or metric.bounds != (0.0, 1.0):
        return ""
    gaps = _gaps(metric.name, measured)
    if metric.is_share:
        differing = float(np.mean(gaps != 0)) if len(gaps) else ASSUMED
        found = smallest_visible_difference(n, differing=differing)
        why = f"as two variants here differ on {differing:.0%} of rows" if len(gaps) else (
            f"if two variants differ on {ASSUMED:.0%} of rows, which nothing has shown yet"
        )  # fmt: skip
    elif len(gaps) > 1:
        found, why = smallest_visible_difference(n, spread=float(gaps.std(ddof=1))), "as variants here are spread"
    else:
        return ""
    if found is None:
        return f"with {n:,} rows no difference in {metric.name} can be seen, {why}"
    return f"with {n:,} rows you can see {100 * found:.1f} points of {metric.name} (power 80%, two-sided 5%), {why}"


def _gaps(metric: str, measured: Sequence[Report]) -> Floats:
    """Score differences of the two earlier reports that are most alike: what a close race would look like."""
    found: list[Floats] = []
    for place, one in enumerate(measured):
        for other in measured[place + 1 :]:
            if one.gold == other.gold:
                found.append(_between(metric, one, other))
    told = [each for each in found if len(each) > 1 and bool((each != 0).any())]
    return min(told, key=lambda each: float(np.mean(each != 0)), default=np.empty(0))


def _between(metric: str, one: Report, other: Report) -> Floats:
    theirs = {case.example_id: case.scores.get(metric) for case in other.cases}
    both = [(case.scores.get(metric), theirs.get(case.example_id)) for case in one.cases]
    pairs = [mine - their for mine, their in both if mine is not None and their is not None]
    return np.asarray(pairs, dtype=np.float64)


def _lines(benchmark: BenchmarkConfig, n: int) -> list[str]:
    found = []
    for name, line in benchmark.thresholds.items():
        if not chosen(benchmark.name, [name])[name].is_share:
            continue
        misses = most_misses(line, n)
        may = f"at most {misses:,} of {n:,} rows may miss it" if misses is not None else f"{n:,} rows cannot show it"
        found.append(f"{name} {line} is shown at 95%: {may}")
    return found
